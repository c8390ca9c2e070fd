import { readChangeStandings } from '../shared/jobs/changes/standing.ts';
import type { CopyStanding } from '../shared/jobs/copy/copy-lag.ts';
import { type BucketCheck, checkBucket } from '../shared/jobs/doctor/bucket-rules.ts';
import { openLocks } from '../shared/jobs/lock/lock.ts';
import { readSourceLocks, type SourceLock } from '../shared/jobs/lock/lock-state.ts';
import { failingChannels } from '../shared/jobs/notify/deliveries.ts';
import type { BackupSummary } from '../shared/jobs/status/list.ts';
import { type RepositoryOverview, readOverview } from '../shared/jobs/status/status.ts';
import type { SafetyFacts } from '../shared/jobs/verdict/facts.ts';
import { factsOf } from '../shared/jobs/verdict/facts-of.ts';
import { readRunFacts } from '../shared/jobs/verdict/run-facts.ts';
import { copyStandings } from './describe-copies.ts';
import { repositoryConfig } from './load-config.ts';
import type { CommandSession } from './session.ts';

/** Everything that the command line checks to say whether one is safe. */
export interface Safety {
  readonly status: RepositoryOverview;
  /** As `readOverview` returns them. */
  readonly namedPacks: ReadonlySet<string> | undefined;
  /** Newest first. */
  readonly backups: readonly BackupSummary[];
  readonly bucket: BucketCheck;
  readonly copies: readonly CopyStanding[];
  /** Undefined if no locks are configured. */
  readonly locked: readonly SourceLock[] | undefined;
  readonly facts: SafetyFacts;
}

/**
 * Reads manifests, reports and the history of runs, and checks second places, locks and the bucket's rules.
 */
export async function readSafety(session: CommandSession): Promise<Safety> {
  const { repository, naming, config, io } = session;
  const place = await repositoryConfig(config, io);
  const [{ status, backups, namedPacks }, runs, bucket, copies, channels, changes] = await Promise.all([
    readOverview(repository, io.signal, naming),
    readRunFacts(repository, io.signal, naming),
    checkBucket(place, io.signal),
    copyStandings(session),
    failingChannels(repository, config.channels, io.signal),
    readChangeStandings({ repository }, config.sources, io.signal),
  ]);
  const locked = await readLocks(session, status);
  const isBucket = place.repository.startsWith('s3:');
  const facts = factsOf({
    status,
    backups,
    config,
    runsDefaults: false,
    at: repository.clock.now(),
    isProven: repository.isProving,
    runs,
    locked,
    changes,
    failingChannels: channels,
    ...(isBucket ? { bucket } : {}),
    ...(copies.length > 0 ? { copies } : {}),
  });
  return { status, namedPacks, backups, bucket, copies, locked, facts };
}

/** For the newest good backup of each source; undefined if no locks are configured. */
async function readLocks(
  { config, repository, io }: CommandSession,
  { sources }: RepositoryOverview,
): Promise<readonly SourceLock[] | undefined> {
  const locks = await openLocks(await repositoryConfig(config, io), config.lock);
  return locks && readSourceLocks(repository, locks, { sources, signal: io.signal });
}
