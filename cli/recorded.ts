import { type RunAbout, type RunResultNote, recordRun } from '../shared/jobs/record-run.ts';
import type { Session } from './session.ts';

/** Does the work of a command, and notes in the history of the repository that it began and how it ended. */
export function recorded<T>(
  { repository, progress }: Session,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  work: () => Promise<T>,
  noteOf: (result: T) => RunResultNote,
): Promise<T> {
  const onProblem = (message: string) => progress.say(`warning: ${message}`);
  return recordRun(repository, work, { about, noteOf, onProblem });
}
