import type { CopyPlace } from '../../config/copy.ts';
import { backupName } from '../../core/backup-words.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { type CopyStanding, readCopyStandings } from '../../jobs/copy/copy-lag.ts';
import { readSourceLocks, type SourceLock } from '../../jobs/lock/lock-state.ts';
import type { SourceStatus } from '../../jobs/status/status.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectLocks } from '../../store/object-locks.ts';
import type { StatusAnswer } from '../schema/status.ts';

/** What protects a repository besides itself. */
export interface ProtectionOptions {
  /** Undefined if none are configured. */
  readonly locks?: ObjectLocks | undefined;
  /** Second places, folders with absolute paths. */
  readonly copies?: readonly CopyPlace[] | undefined;
  /** Names that manifests may have for a configured source. @default only its own name */
  readonly namesOf?: (() => Promise<(source: string) => readonly string[]>) | undefined;
}

/** The protection as found. */
export interface Protection {
  /** Undefined: no locks are configured. */
  readonly locked: readonly SourceLock[] | undefined;
  /** Undefined: no second places are configured. */
  readonly copies: readonly CopyStanding[] | undefined;
}

type ProtectionPart = Pick<StatusAnswer, 'locked' | 'copies'>;

/**
 * A backup may have ten thousand packs, and a page asks often. If one pack in 50 had no lock, 19 of 20
 * responses would say so.
 */
const MOST_PACKS = 150;

/** Asks the bucket for locks of the newest good backups, and second places for their listings. */
export async function readProtection(
  repository: Repository,
  { locks, copies = [], namesOf }: ProtectionOptions,
  { sources, signal }: { readonly sources: readonly SourceStatus[]; readonly signal: AbortSignal },
): Promise<Protection> {
  const [locked, standings] = await Promise.all([
    locks ? readSourceLocks(repository, locks, { sources, mostPacks: MOST_PACKS, signal }) : undefined,
    copies.length === 0
      ? undefined
      : readCopyStandings(repository, copies, { namesOf: await namesOf?.(), signal }),
  ]);
  return { locked, copies: standings };
}

/** The same with its date as ISO 8601. */
export function protectionOf({ locked, copies = [] }: Protection): ProtectionPart {
  return { locked: locked?.map(lockOf) ?? null, copies: copies.map(copyOf) };
}

function lockOf({ until, ...lock }: SourceLock) {
  return { ...lock, until: until?.toISOString() ?? null };
}

function copyOf(standing: CopyStanding): ProtectionPart['copies'][number] {
  const { name = '', to, wanted, missing, changes, problem } = standing;
  const [key] = missing;
  const startedAt = parseBackupKey(key ?? '')?.startedAt.toISOString();
  return {
    name,
    to,
    wanted,
    missing: missing.length,
    oldestMissing: key && startedAt ? { key, name: backupName(key), startedAt } : null,
    missingSegments: changes.missing,
    oldestSegmentAt: changes.oldestAt?.toISOString() ?? null,
    problem: problem ?? null,
  };
}
