import type { OnProgress } from '../core/progress.ts';
import { type RunAbout, type RunResultNote, recordRun } from '../jobs/runs/record-run.ts';
import { engineOf, type OpenRepository } from './repository.ts';

/** What every function takes. */
export interface RunOptions {
  /** Is told how far it is, and what is worth a warning. */
  readonly onProgress?: OnProgress;
  /** Stops it: it ends with E_ABORTED, clean. */
  readonly signal?: AbortSignal;
}

/** Does work that `holdfast runs`, the console and status tell of. */
export function recorded<T>(
  opened: OpenRepository,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  work: () => Promise<T>,
  { noteOf, onProgress }: RunOptions & { readonly noteOf: (result: T) => RunResultNote },
): Promise<T> {
  const onProblem = (message: string) => onProgress?.({ kind: 'warning', code: 'history', message });
  return recordRun(engineOf(opened).repository, work, { about, noteOf, onProblem });
}
