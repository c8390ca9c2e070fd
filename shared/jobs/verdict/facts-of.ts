import type { ResolvedConfig } from '../../config/config.ts';
import type { ContinuousSettings } from '../../config/continuous.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { pluginNamed } from '../../sources/registry.ts';
import type { ChangeStanding } from '../changes/standing.ts';
import { earlier } from '../copy/changes-lag.ts';
import type { CopyStanding } from '../copy/copy-lag.ts';
import type { BucketCheck } from '../doctor/bucket-rules.ts';
import type { SourceLock } from '../lock/lock-state.ts';
import type { BackupSummary } from '../status/list.ts';
import type { SourceStates, SourceStatus } from '../status/status.ts';
import { expectationOf } from './expectation.ts';
import type {
  ChangesFacts,
  CopyFacts,
  FailingChannel,
  LastRun,
  ProofFacts,
  SafetyFacts,
  SourceFacts,
} from './facts.ts';

/** What the history says: for each source the last backup that has ended. */
export interface RunFacts {
  /** Number of runs that were read. */
  readonly count: number;
  readonly lastOf: ReadonlyMap<string, LastRun>;
  /** Those that failed, or died. */
  readonly failed: readonly { readonly source: string; readonly at: Date }[];
  /** All that were read, however they ended, and those in progress. */
  readonly tried: readonly { readonly source: string; readonly type: string | null; readonly at: Date }[];
  /** Why not all could be read. */
  readonly problems: readonly string[];
}

/** What a verdict is reached from. */
export interface FactsInput {
  /** Its sources have their configured names. */
  readonly status: SourceStates;
  /** Newest first; their sources have their configured names too. */
  readonly backups: readonly BackupSummary[];
  readonly config: Pick<ResolvedConfig, 'sources' | 'aws' | 'isEnabled'>;
  /** As in an expectation. */
  readonly runsDefaults: boolean;
  readonly at: Date;
  readonly isProven: boolean;
  /** Each undefined if nobody checked. */
  readonly runs?: RunFacts | undefined;
  readonly locked?: readonly SourceLock[] | undefined;
  readonly copies?: readonly CopyStanding[] | undefined;
  /** Of sources that are backed up continuously. */
  readonly changes?: readonly ChangeStanding[] | undefined;
  readonly bucket?: BucketCheck | undefined;
  readonly schedulesOff?: readonly string[] | undefined;
  readonly failingChannels?: readonly FailingChannel[] | undefined;
}

/** Everything that a verdict goes by, from what was read. */
export function factsOf(input: FactsInput): SafetyFacts {
  const { status, config, at, isProven, runs, locked, copies, bucket, schedulesOff } = input;
  const configured = config.sources;
  const ofBackups = status.sources.filter(
    ({ source }) => !configured.some(({ name }) => name === source.name),
  );
  const isAnyConfigured = configured.length > 0;
  const { verificationAgeMs: verifyMs, drillAgeMs: drillMs, copyLagMs: copyMs } = config.aws.alarms;
  return {
    at,
    sources: [
      ...configured.map(({ name, kind, rpoMs, continuous }) => {
        const facts = sourceFacts({ name, kind, rpoMs, isConfigured: true }, input);
        return continuous ? { ...facts, changes: changesFacts(facts, continuous, input.changes) } : facts;
      }),
      ...ofBackups.map(({ source: { name, kind } }) =>
        sourceFacts({ name, kind, rpoMs: undefined, isConfigured: !isAnyConfigured }, input),
      ),
    ],
    manifests: status.backups,
    damaged: status.damaged,
    isProven,
    allowed: { verifyMs, drillMs, copyMs },
    isEnabled: config.isEnabled,
    runs: runs?.count,
    copies: copies?.map(copyFacts),
    bucketDangers: bucket?.dangers.map(({ problem }) => problem),
    schedulesOff,
    failingChannels: input.failingChannels,
    unread: [
      ...status.problems.map((problem) => `a report cannot be trusted and does not count: ${problem}`),
      ...(runs?.problems ?? []),
      ...(locked ?? []).flatMap(({ source, problem }) =>
        problem === null
          ? []
          : [`it is not known whether the newest good backup of ${source} is locked: ${problem}`],
      ),
      ...(bucket && bucket.unread !== null
        ? [`the lifecycle rules of the bucket cannot be read: ${bucket.unread}`]
        : []),
    ],
  };
}

type Named = Pick<SourceFacts, 'name' | 'kind' | 'isConfigured'> & { readonly rpoMs: number | undefined };

function sourceFacts({ rpoMs, ...source }: Named, input: FactsInput): SourceFacts {
  const { status, backups, config, runsDefaults, runs, locked } = input;
  const { name } = source;
  const known: SourceStatus | undefined = status.sources.find((one) => one.source.name === name);
  const readable = backups.filter((one) => one.state !== 'damaged' && one.source.name === name);
  const read = readable.filter(({ imported }) => !imported);
  const newestGood = known?.newestGood;
  const starts = read.map(({ startedAt }) => startedAt);
  const types = new Set(read.map(({ type }) => type));
  const notOpened = new Set(status.recovery.notOpened.flatMap((one) => one.backups));
  const lock = locked?.find(({ backup }) => backup === newestGood?.key);
  return {
    ...source,
    backups: readable.length,
    newestGood,
    expected: expectationOf({ name, rpoMs, config, runsDefaults, types, starts }),
    waiting: known?.waiting ?? [],
    failed: known?.failed ?? [],
    uncovered: readable.map(({ key }) => key).filter((key) => notOpened.has(key)),
    misdated: known?.misdated ?? [],
    lastRun: runs?.lastOf.get(name),
    firstAt: oldest(
      readable.map(({ imported, startedAt }) => (imported ? new Date(imported.at) : startedAt)),
    ),
    verifiedAt: known?.lastFullVerify?.at,
    drilledAt: newest(
      readable.flatMap(({ marks: { drill } }) => (drill?.outcome === 'equal' ? [drill.at] : [])),
    ),
    drillOutcome: known?.lastDrill?.outcome,
    proof: proofFacts(known?.lastProof),
    unprovenSince: known?.unprovenSince,
    lockedUntil: lock && lock.problem === null ? lock.until : undefined,
  };
}

/** Nobody who forgets to look at changes says that all is well. */
function changesFacts(
  { name, kind, proof }: Pick<SourceFacts, 'name' | 'kind' | 'proof'>,
  { rpoMs }: ContinuousSettings,
  standings: readonly ChangeStanding[] | undefined,
): ChangesFacts {
  const found = standings?.find(({ source }) => source === name);
  return {
    reachedAt: found?.reachedAt,
    allowedMs: rpoMs,
    baseDue: found?.baseDue,
    isPaused: found?.isPaused === true,
    isUncovered: (found?.uncovered.length ?? 0) > 0,
    damage: found?.damage,
    problem: found ? found.problem : 'nobody looked',
    isProvable: proof !== undefined || pluginNamed(kind)?.changes?.isProvable === true,
  };
}

function proofFacts(proof: SourceStatus['lastProof']): ProofFacts | undefined {
  if (!proof) return undefined;
  const { outcome, key: backup, report, differing = 0, differentDatasets: datasets = 0, error } = proof;
  return { outcome, backup, report, differing, datasets, error };
}

function copyFacts({ name = '', missing, changes, problem }: CopyStanding): CopyFacts {
  const oldestMissingAt = earlier(parseBackupKey(missing[0] ?? '')?.startedAt, changes.oldestAt);
  return { name, missing: missing.length, missingSegments: changes.missing, oldestMissingAt, problem };
}

function oldest(dates: readonly Date[]): Date | undefined {
  return dates.toSorted((a, b) => a.getTime() - b.getTime())[0];
}

function newest(dates: readonly Date[]): Date | undefined {
  return dates.toSorted((a, b) => b.getTime() - a.getTime())[0];
}
