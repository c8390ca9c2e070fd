/** Progress of a run that has reported nothing yet. */
export const NO_PROGRESS = {
  doneBytes: 0,
  totalBytes: null,
  storedBytes: 0,
  doneDatasets: 0,
  totalDatasets: null,
  bytesPerSecond: null,
  leftMs: null,
} as const;

/** Members of a run that are not known yet, or never will be. */
export const RUN_UNKNOWNS = {
  finishedAt: null,
  by: null,
  source: null,
  type: null,
  backup: null,
  target: null,
  asked: null,
  progress: null,
  error: null,
  cancelledBy: null,
  isSuspect: false,
  plainBytes: null,
  storedBytes: null,
} as const;
