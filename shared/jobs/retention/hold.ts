import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';

const MOST_REASON_CHARS = 500;

interface Decision {
  readonly reason: string;
  /** Who asked for it through the admin API. */
  readonly by?: string | undefined;
  readonly signal: AbortSignal;
}

/** A hold that was made or ended. */
export interface HoldResult {
  readonly key: BackupKey;
  readonly reason: string;
  /** The earlier hold: the one replaced, or released. */
  readonly before: { readonly reason: string; readonly at: Date } | undefined;
  /** Path of the report. */
  readonly report: string;
}

/**
 * Keeps a backup, whatever retention says, until it is released.
 *
 * @throws E_USAGE without a reason, E_NO_BACKUP (also if a prune removed it meanwhile), E_NO_KEY
 */
export async function holdBackup(
  repository: Repository,
  key: BackupKey,
  { reason, by, signal }: Decision,
): Promise<HoldResult> {
  const result = await decide(repository, 'hold', { key, reason, by, signal });
  if (await isListed(repository, key, signal)) return result;
  throw new HoldfastError('E_NO_BACKUP', `a prune removed ${key} while it was being held`, {
    hint: 'Run `holdfast prune`: it lists held backups again if they are still in their grace.',
  });
}

/** @throws E_NO_HOLD if it is not held, E_USAGE without a reason, E_NO_BACKUP, E_NO_KEY */
export async function releaseBackup(
  repository: Repository,
  key: BackupKey,
  { reason, by, signal }: Decision,
): Promise<HoldResult> {
  return decide(repository, 'release', { key, reason, by, signal });
}

async function decide(
  repository: Repository,
  kind: 'hold' | 'release',
  { key, reason: given, by, signal }: Decision & { readonly key: BackupKey },
): Promise<HoldResult> {
  const reason = parseReason(given);
  repository.context.keys.provider();
  if (!(await isListed(repository, key, signal))) {
    throw new HoldfastError('E_NO_BACKUP', `there is no backup ${key} in ${repository.store.location}`, {
      hint: 'Run `holdfast list` to see what there is.',
    });
  }
  const marks = await repository.marks(signal);
  const { hold } = marks.of(key);
  if (kind === 'release' && !hold) {
    throw new HoldfastError('E_NO_HOLD', `${key} is not held`, {
      hint: 'Run `holdfast list` to see which backups are.',
    });
  }
  const before = hold && { reason: hold.reason, at: hold.at };
  const body = {
    reason,
    ...(by === undefined ? {} : { by }),
    ...(kind === 'release' ? { ends: [...marks.holdsOf(key)] } : {}),
  };
  const report = await repository.reports.write(kind, { backups: [key], body }, signal);
  return { key, reason, before, report };
}

/** @throws E_USAGE unless it says something, on one line, in at most 500 characters */
export function parseReason(text: string): string {
  const reason = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (reason !== '' && reason.length <= MOST_REASON_CHARS && !/[\u0000-\u001f\u007f-\u009f]/.test(reason))
    return reason;
  const got = reason === '' ? 'nothing' : `${reason.length} characters`;
  throw new HoldfastError(
    'E_USAGE',
    `a reason has 1 to ${MOST_REASON_CHARS} characters on one line; got ${got}`,
    { hint: 'Say why: --reason "audit of 2026". Anybody who can read the store can read it.' },
  );
}

async function isListed({ store }: Repository, key: BackupKey, signal: AbortSignal): Promise<boolean> {
  try {
    await store.head(key, { signal });
    return true;
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return false;
    throw error;
  }
}
