import type { FormatVersion } from '../../../shared/core/format-version.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { HOUR_MS } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import type { SequenceHead } from '../../../shared/jobs/verify/sequence-breaks.ts';
import type { VerifyReport } from '../../../shared/jobs/verify/verify.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import type { RepositoryOptions } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { initRepository, memorySource, never, openCheaply } from './engine.ts';
import { ManualClock } from './pruning.ts';

export interface History {
  readonly store: MemoryStore;
  readonly clock: ManualClock;
  /** Oldest first. */
  readonly keys: readonly BackupKey[];
  /** Makes one more, an hour later. */
  backUp(name?: string): Promise<BackupKey>;
}

/** Backups of one source, an hour apart. */
export async function historyOf(
  count: number,
  { version, ...options }: Pick<RepositoryOptions, 'signing'> & { readonly version?: FormatVersion } = {},
): Promise<History> {
  const clock = new ManualClock('2026-03-01T02:00:00.000Z');
  const store = new MemoryStore(clock);
  await initRepository(store, undefined, version === undefined ? {} : { version });
  let made = 0;
  const backUp = async (name = 'shop') => {
    clock.advance(HOUR_MS);
    await using repository = await openCheaply(store, { clock, ...options });
    const source = memorySource({ rows: `row ${made++}\n` }, { name });
    return (await runBackup(repository, source, { type: 'daily', signal: never })).key;
  };
  const keys: BackupKey[] = [];
  for (let i = 0; i < count; i++) keys.push(await backUp());
  return { store, clock, keys, backUp };
}

/** What `verify --all --quick` finds, as a process of its own. */
export async function verifyAll(
  { store, clock }: Pick<History, 'store' | 'clock'>,
  options: Partial<RepositoryOptions> & {
    readonly seen?: readonly SequenceHead[];
    readonly isCopy?: boolean;
  } = {},
): Promise<VerifyReport> {
  const { seen, isCopy, ...opening } = options;
  await using repository = await openCheaply(store, { clock, ...opening });
  const keys = await repository.backupKeys(never);
  const sequence = { seen, isCopy };
  return verifyBackups(repository, keys, { depth: { kind: 'quick' }, others: true, sequence, signal: never });
}
