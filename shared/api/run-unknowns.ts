/** What is not known of a run yet, or never will be. */
export const RUN_UNKNOWNS = {
  finishedAt: null,
  by: null,
  source: null,
  type: null,
  backup: null,
  target: null,
  progress: null,
  error: null,
  cancelledBy: null,
  isSuspect: false,
  plainBytes: null,
  storedBytes: null,
} as const;
