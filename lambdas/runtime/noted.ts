import { noteEnd as note, type RunAbout, type RunResultNote } from '../../shared/jobs/runs/record-run.ts';
import type { OpenedRepository } from './settings.ts';
import { logger } from './telemetry.ts';

/** Notes in the history of the repository how a run ended. Throws nothing. */
export function noteRunEnd(
  repository: OpenedRepository,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  ended: RunResultNote & { readonly run: string; readonly startedAt?: Date | undefined },
): Promise<void> {
  return note(repository, about, { ...ended, onProblem: (message) => logger.warn(message) });
}
