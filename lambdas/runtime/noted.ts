import { noteEnd as note, type RunAbout, type RunResultNote } from '../../shared/jobs/runs/record-run.ts';
import type { OpenedRepository } from './settings.ts';
import { logger } from './telemetry.ts';

/** Records in the repository's history how a run ended. Never throws. */
export function noteRunEndQuietly(
  repository: OpenedRepository,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  ended: RunResultNote & { readonly run: string; readonly startedAt?: Date | undefined },
): Promise<void> {
  return note(repository, about, { ...ended, onProblem: (message) => logger.warn(message) });
}
