import type { OnProgress } from '../core/progress.ts';
import { type RunAbout, type RunResultNote, recordRun } from '../jobs/runs/record-run.ts';
import { engineOf, type OpenRepository } from './repository.ts';

/** Options of every function. */
export interface RunOptions {
  /** Receives progress and warnings. */
  readonly onProgress?: OnProgress;
  /** Stops the work: it ends cleanly with E_ABORTED. */
  readonly signal?: AbortSignal;
}

/** Runs work and records it for `holdfast runs`, the console and status. */
export function recorded<T>(
  opened: OpenRepository,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  work: () => Promise<T>,
  { noteOf, onProgress }: RunOptions & { readonly noteOf: (result: T) => RunResultNote },
): Promise<T> {
  const onProblem = (message: string) => onProgress?.({ kind: 'warning', code: 'history', message });
  return recordRun(engineOf(opened).repository, work, { about, noteOf, onProblem });
}
