import type { OnProgress } from '../../core/progress.ts';
import type { RestoreRun } from '../schema/runs.ts';
import type { RunResult } from './run-tracker.ts';

export type Work = (run: Running) => Promise<RunResult>;

export interface Running {
  readonly id: string;
  readonly onProgress: OnProgress;
  readonly onRestore: (restore: RestoreRun) => void;
  readonly signal: AbortSignal;
}
