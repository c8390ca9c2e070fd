import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import type { BackupReader } from '../../../repository/reading/backup-reader.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangeTransaction } from '../../../sources/changes.ts';
import type { ChangePlugin } from '../../../sources/plugin.ts';
import {
  openBaseAndStream,
  rowsAfter,
  transactionsAfter,
  valueDecoder,
} from '../../changes/base-and-stream.ts';
import { queriedMoment } from '../../changes/queried-moment.ts';
import { queriedBackup } from '../query/queried.ts';
import { type CheckOptions, type CheckOutcome, runCheck } from './run-check.ts';
import { search } from './search.ts';

/** What is searched. */
export interface BisectOptions extends CheckOptions {
  /** Backups of one source, oldest first. */
  readonly backups: readonly BackupKey[];
  readonly check: string;
  /** Checks every backup. @default about log2 of them, and four more */
  readonly isAll?: boolean | undefined;
  /** Of the source's kind: then changes that are stored between two backups are searched too. */
  readonly changes?: ChangePlugin | undefined;
  /** Told of each check. */
  readonly onChecked?: (checked: CheckedBackup) => void;
}

/** A backup that was checked. */
export interface CheckedBackup extends CheckOutcome {
  readonly key: BackupKey;
}

/** The transaction after which a check fails. */
export interface BreakingTransaction {
  readonly id: string;
  /** By the server's clock, ISO in UTC with microseconds. */
  readonly committedAt: string;
  /** How many transactions between the two backups were searched. */
  readonly of: number;
  /** The check held and failed once each, as far as was tried. */
  readonly isMonotone: boolean;
}

/** Where a check began to fail. */
export interface BisectResult {
  readonly backups: number;
  /** In the order in which they were checked. */
  readonly checked: readonly CheckedBackup[];
  /** The last backup before that where it holds; null if there is none. */
  readonly holds: BackupKey | null;
  /** The first backup where it fails; null if it holds in the newest. */
  readonly fails: BackupKey | null;
  /** False: it failed and held again, so that it broke more than once. */
  readonly isMonotone: boolean;
  /** Null if no stored changes lead there. */
  readonly transaction: BreakingTransaction | null;
  readonly warnings: readonly string[];
}

/**
 * Finds the first backup where a check fails, and with stored changes the transaction that broke it. Nothing is restored: backups are
 * queried where they lie, and moments between them as a backup with the changes on top.
 *
 * @throws E_NO_BACKUP if there is none; E_USAGE for a check that no backup can be asked; as `runCheck`
 */
export async function bisect(repository: Repository, options: BisectOptions): Promise<BisectResult> {
  const { backups, check, isAll = false, onChecked = () => {}, signal } = options;
  if (backups.length === 0)
    throw new HoldfastError('E_NO_BACKUP', 'there are no backups to check', {
      hint: '`holdfast list` shows all backups.',
    });
  const keyAt = (place: number) => backups[place] as BackupKey;
  const checkAt = async (place: number) => {
    const key = keyAt(place);
    const outcome = await runCheck(queriedBackup(await repository.openBackup(key, signal)), check, options);
    onChecked({ key, ...outcome });
    return outcome;
  };
  const found = await search(backups.length, checkAt, { isAll });
  const checked = found.probes.map(({ place, ...outcome }) => ({ key: keyAt(place), ...outcome }));
  refuseUncheckable(checked);
  const { holds, fails } = found;
  const result = {
    backups: backups.length,
    checked,
    holds: holds === undefined ? null : keyAt(holds),
    fails: fails === undefined ? null : keyAt(fails),
    isMonotone: found.isMonotone,
  };
  if (holds === undefined || fails === undefined || !options.changes)
    return { ...result, transaction: null, warnings: [] };
  const pair = { holds: keyAt(holds), next: keyAt(holds + 1), fails: keyAt(fails) };
  return { ...result, ...(await searchChanges(repository, pair, { ...options, changes: options.changes })) };
}

/** @throws E_USAGE with what stood in the way in the newest */
function refuseUncheckable(checked: readonly CheckedBackup[]): void {
  if (checked.some(({ outcome }) => outcome !== 'not checked')) return;
  throw new HoldfastError('E_USAGE', `the check could not be run on any backup: ${checked[0]?.why ?? ''}`, {
    hint: 'Try it first: holdfast query latest "select …"',
  });
}

interface Pair {
  readonly holds: BackupKey;
  /** The one after that, which may not be one that could be checked. */
  readonly next: BackupKey;
  readonly fails: BackupKey;
}

async function searchChanges(
  repository: Repository,
  pair: Pair,
  options: BisectOptions & { readonly changes: ChangePlugin },
): Promise<Pick<BisectResult, 'transaction' | 'warnings'>> {
  try {
    return await searchTransactions(repository, pair, options);
  } catch (error) {
    const isMissing =
      isHoldfastError(error) && ['E_NO_MOMENT', 'E_SOURCE_UNSUPPORTED', 'E_USAGE'].includes(error.code);
    if (!isMissing) throw error;
    const hint = error.hint ? `. ${error.hint}` : '';
    return { transaction: null, warnings: [`the exact moment could not be found: ${error.message}${hint}`] };
  }
}

async function searchTransactions(
  repository: Repository,
  pair: Pair,
  { changes: plugin, check, ...options }: BisectOptions & { readonly changes: ChangePlugin },
): Promise<Pick<BisectResult, 'transaction' | 'warnings'>> {
  const { signal } = options;
  const decoder = await valueDecoder(plugin, 'the moment between two backups');
  const later = await repository.openBackup(pair.fails, signal);
  const join = joinOf(later);
  const open = (at: string | undefined) =>
    openBaseAndStream(repository, decoder, {
      source: later.manifest.source,
      until: { at },
      compare: plugin.compare,
      olderThan: pair.next,
      signal,
    });
  // If nothing was written since, what is stored may end before the later backup.
  const stream = await open(join.at).catch((error: unknown) => {
    if (isHoldfastError(error, 'E_NO_MOMENT')) return open(undefined);
    throw error;
  });
  if (stream.chosen.base.key !== pair.holds)
    return {
      transaction: null,
      warnings: [`no stored changes begin at ${pair.holds}, the last backup where the check holds`],
    };
  const isBetween = (transaction: ChangeTransaction) => decoder.hasTransaction(join, transaction);
  const all: Pick<BreakingTransaction, 'id' | 'committedAt'>[] = [];
  for await (const { id, committedAt, changes } of firstOf(
    transactionsAfter(repository, stream, signal),
    isBetween,
  )) {
    all.push({ id, committedAt });
    for await (const _ of changes);
  }
  // Place 0 is the backup itself, n the moment after the nth transaction.
  const checkAfter = async (count: number) => {
    const first = firstOf(transactionsAfter(repository, stream, signal), isBetween, count);
    return runCheck(queriedMoment(stream, await rowsAfter(first, stream)), check, options);
  };
  const { holds, fails, isMonotone } = await search(all.length + 1, checkAfter);
  const breaking = fails === undefined ? undefined : all[fails - 1];
  if (holds === undefined || breaking === undefined)
    return {
      transaction: null,
      warnings: [
        `the check still holds after all stored changes up to ${pair.fails}: what broke it is not among them`,
      ],
    };
  return { transaction: { ...breaking, of: all.length, isMonotone }, warnings: [] };
}

function joinOf({ catalog, manifest }: BackupReader) {
  if (catalog.join) return catalog.join;
  throw new HoldfastError(
    'E_NO_MOMENT',
    `${manifest.key} does not record where the stored changes continue`,
    {
      hint: 'Set up continuous backup with `holdfast pitr setup`, then make a backup.',
    },
  );
}

/** The first `most` of those for which it holds. */
async function* firstOf(
  transactions: AsyncIterable<ChangeTransaction>,
  isWanted: (transaction: ChangeTransaction) => boolean,
  most = Number.POSITIVE_INFINITY,
): AsyncGenerator<ChangeTransaction> {
  let count = 0;
  if (most === 0) return;
  for await (const transaction of transactions) {
    if (!isWanted(transaction)) {
      for await (const _ of transaction.changes);
      continue;
    }
    yield transaction;
    if (++count === most) return;
  }
}
