import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';

/** Room for a sentence or two. */
const MOST_REASON_CHARACTERS = 1000;

/** Backups that are no longer suspect. */
export interface AcceptResult {
  readonly backups: readonly BackupKey[];
  readonly reason: string;
  /** Path of the report. */
  readonly report: string;
}

/**
 * Confirms that suspect backups are as they should be: they count as good from then on. All of them, or none.
 *
 * @throws E_USAGE for one that is not suspect, or without a reason; E_NO_BACKUP, E_NO_KEY, E_DAMAGED
 */
export async function acceptBackups(
  repository: Repository,
  backups: readonly BackupKey[],
  {
    reason: given,
    by,
    signal,
  }: { readonly reason: string; readonly by?: string | undefined; readonly signal: AbortSignal },
): Promise<AcceptResult> {
  const reason = checkReason(given);
  for (const key of backups) {
    const { suspect } = await repository.readManifest(key, signal);
    if (suspect) continue;
    throw new HoldfastError('E_USAGE', `${key} is not suspect: there is nothing to accept`, {
      hint: 'Run `holdfast status` to see which backups are waiting to be accepted.',
    });
  }
  const report = await repository.reports.write(
    'accept',
    { backups, body: { reason, ...(by === undefined ? {} : { by }) } },
    signal,
  );
  return { backups, reason, report };
}

function checkReason(given: string): string {
  const reason = given.trim();
  const hint =
    'Say why it is as it should be, such as --reason "the archive tables were dropped on purpose".';
  if (reason === '') throw new HoldfastError('E_USAGE', 'the reason is empty', { hint });
  if (reason.length <= MOST_REASON_CHARACTERS) return reason;
  throw new HoldfastError(
    'E_USAGE',
    `the reason has ${reason.length} characters; allowed are ${MOST_REASON_CHARACTERS}`,
    { hint },
  );
}
