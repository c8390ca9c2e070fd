import type { RunBody } from '../../format/run-bodies.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import { FAILURE_DOCUMENT, MOST_CAUSE_CHARS } from './run-plan.ts';

/**
 * Records why a share failed, for the code that gives the run up: the runner of the shares may only know that
 * one failed. The first reason counts; repeatable.
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

/** Undefined if no share failed, or none could say so. @throws as `noteShareFailure` */
export function readShareFailure(
  repository: Repository,
  run: string,
  signal: AbortSignal,
): Promise<RunBody<'failure'> | undefined> {
  return new RunDocuments(repository.context, run).get(FAILURE_DOCUMENT, 'failure', signal);
}
