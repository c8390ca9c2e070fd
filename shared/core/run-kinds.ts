/** The kinds of runs. */
export const RUN_KINDS = ['backup', 'verify', 'drill', 'restore', 'export', 'copy', 'lock'] as const;
/** A kind of run that the history has. */
export type RunKind = (typeof RUN_KINDS)[number];
