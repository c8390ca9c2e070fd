import type { OnProgress } from '../../core/progress.ts';
import type { RestoreRun } from '../schema/runs.ts';
import type { RunResult } from './run-tracker.ts';

/** What a run does; it resolves to what is kept of it. */
export type Work = (run: Running) => Promise<RunResult>;

/** What a run is given by the tracker. */
export interface Running {
  readonly id: string;
  readonly onProgress: OnProgress;
  readonly onRestore: (restore: RestoreRun) => void;
  readonly signal: AbortSignal;
}
