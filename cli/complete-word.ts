/** What completion scripts ask: it is not for people, and in no help. */
export const COMPLETE = '__complete';
