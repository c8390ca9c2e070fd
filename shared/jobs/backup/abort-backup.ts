import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import { MOST_CAUSE_CHARS, RELEASED } from './run-plan.ts';

/**
 * Gives a run up: releases its holder, and no commit lists it any more. Repeatable, even if nothing was
 * planned yet. Prune removes what was stored.
 *
 * @returns false if commit released the holder before: the backup may be listed
 * @throws E_STORE_*
 */
export async function abortBackup(
  repository: Repository,
  { run, reason, signal }: { readonly run: string; readonly reason: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const documents = new RunDocuments(repository.context, run);
  const abort = { by: 'abort', reason: reason.slice(0, MOST_CAUSE_CHARS) } as const;
  const { body: released } = await documents.putFirst(RELEASED, 'released', abort, signal);
  return released.by === 'abort';
}
