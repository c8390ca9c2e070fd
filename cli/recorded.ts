import { randomBytes } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../shared/core/errors.ts';
import { watchForCancel } from '../shared/jobs/runs/cancel-run.ts';
import { type RunAbout, type RunResultNote, recordRun } from '../shared/jobs/runs/record-run.ts';
import { notifyAfter } from './notify.ts';
import type { CommandSession } from './session.ts';

/**
 * Does a command's work, and records in the repository's history that it began and how it ended. `holdfast
 * cancel` stops it. When the command ends, channels are notified of what it changed.
 *
 * @param work receives a signal that Ctrl-C also aborts
 */
export async function recordedCommand<T>(
  session: CommandSession,
  about: Pick<RunAbout, 'kind'> & Partial<RunAbout>,
  work: (signal: AbortSignal) => Promise<T>,
  noteOf: (result: T) => RunResultNote,
): Promise<T> {
  const { repository, progress, io } = session;
  const onProblem = (message: string) => progress.say(`warning: ${message}`);
  const run = randomBytes(16).toString('hex');
  session.atEnd(() => notifyAfter(session));
  using watch = watchForCancel(repository, run, { signal: io.signal });
  try {
    return await recordRun(repository, () => work(watch.signal), { run, about, noteOf, onProblem });
  } catch (error) {
    if (watch.by === undefined || !isHoldfastError(error, 'E_ABORTED')) throw error;
    const { hint } = error;
    throw new HoldfastError('E_ABORTED', `cancelled by ${watch.by}`, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
}
