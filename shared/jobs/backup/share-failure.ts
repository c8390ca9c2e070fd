import type { RunBody } from '../../format/run-bodies.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import { FAILURE_DOCUMENT, MOST_CAUSE_CHARS } from './run-plan.ts';

/**
 * Says why a share is given up, for whoever gives the run up: what runs the shares may tell no more than that one failed. The
 * first one counts; repeatable.
 *
 * @throws E_STORE_*, E_KEY_*
 */
export async function noteShareFailure(
  repository: Repository,
  run: string,
  { message, ...failure }: RunBody<'failure'>,
  signal: AbortSignal,
): Promise<void> {
  const documents = new RunDocuments(repository.context, run);
  const body = { ...failure, message: message.slice(0, MOST_CAUSE_CHARS) };
  await documents.putFirst(FAILURE_DOCUMENT, 'failure', body, signal);
}

/** Undefined where no share was given up, or none could say so. @throws as `noteShareFailure` */
export function readShareFailure(
  repository: Repository,
  run: string,
  signal: AbortSignal,
): Promise<RunBody<'failure'> | undefined> {
  return new RunDocuments(repository.context, run).get(FAILURE_DOCUMENT, 'failure', signal);
}
