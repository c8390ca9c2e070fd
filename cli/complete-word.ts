/** For completion scripts, not for people: no help mentions it. */
export const COMPLETE = '__complete';
