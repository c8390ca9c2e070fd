import { DEFAULT_SUSPECTS, type SuspectThresholds } from '../../config/suspects.ts';
import { Stopwatch } from '../../core/clock.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { type BackupKey, backupKey, type PackId } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { plural } from '../../core/plural.ts';
import type { OnProgress } from '../../core/progress.ts';
import { sleep } from '../../core/sleep.ts';
import { MINUTE_MS } from '../../core/units.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Suspect } from '../../format/catalog.ts';
import type { Manifest } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import type { RunBody } from '../../format/run-bodies.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import { nextInSequence } from '../../repository/documents/sequence.ts';
import { RunPacks } from '../../repository/packs/run-packs.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupHeader } from '../../repository/writing/backup-to-write.ts';
import { commitShares } from '../../repository/writing/commit-shares.ts';
import { candidateTimes } from '../../repository/writing/put-manifest.ts';
import { decodeShare } from '../../repository/writing/written-share.ts';
import { headIfThere } from '../../store/if-there.ts';
import { type BackupResult, backupResult } from './backup.ts';
import { bundleNew } from './bundles.ts';
import { judgeBackup } from './judge-backup.ts';
import {
  costOf,
  didNotStand,
  HELD,
  judgedBy,
  RELEASED,
  readPlan,
  refuseAborted,
  runAborted,
  type StoredPlan,
  shareName,
  viewToCommit,
} from './run-plan.ts';

const DEFAULT_HOLDER_MS = MINUTE_MS;
/** Between two checks for the holder's answer: short at first, as it may be about to look. */
const FIRST_POLL_MS = 20;
const POLL_MS = 500;
/** Results of shares read at once. */
const READS = 8;
const SHOWN = 10;

/** How the shares of a run become a backup. */
export interface CommitBackupOptions {
  readonly run: string;
  /** When the backup is suspect. */
  readonly suspects?: SuspectThresholds;
  /** @default as planned */
  readonly allowEmpty?: boolean;
  /** How long to wait for the holder to confirm its snapshot. @default 60,000 */
  readonly holderMs?: number;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

type Share = RunBody<'share'>;

/**
 * Lists a planned backup whose shares are all stored. Repeatable: if the run is already listed, returns that
 * backup, and two simultaneous commits return the same one. Releases a kept snapshot, which must have lasted
 * until then.
 *
 * @throws E_NO_RUN, E_RUN_INCOMPLETE (naming the shares), E_RUN_ABORTED, E_SOURCE_LOST and E_SNAPSHOT_EXPIRED
 * (the snapshot did not last), E_EMPTY_READ, E_RUN_TOO_LONG, E_STORE_*, E_ABORTED; then nothing is listed
 */
export async function commitBackup(
  repository: Repository,
  options: CommitBackupOptions,
): Promise<BackupResult> {
  const { signal } = options;
  const documents = new RunDocuments(repository.context, options.run);
  const plan = await readPlan(documents, signal);
  const listed = await findListed(repository, plan, options);
  if (listed) return resultOf(repository, listed, { plan, documents, signal });
  const shares = await readShares(documents, plan, signal);
  const held = plan.shared && (await letGo(repository, documents, options));
  if (!held) await refuseAborted(documents, signal);
  return list(repository, { plan, shares, documents, held }, options);
}

async function list(
  repository: Repository,
  run: {
    readonly plan: StoredPlan;
    readonly shares: readonly Share[];
    readonly documents: RunDocuments;
    readonly held: RunBody<'held'> | undefined;
  },
  options: CommitBackupOptions,
): Promise<BackupResult> {
  const { plan, shares, documents, held } = run;
  const { signal, suspects: thresholds = DEFAULT_SUSPECTS, allowEmpty = plan.allowEmpty } = options;
  const { context } = repository;
  const view = viewOf(plan, shares[0], held);
  if (!view)
    throw new HoldfastError('E_DAMAGED', `${documents.keyOf(shareName(0))} does not say what was read`);
  const { version = 1, type } = plan;
  const packs = await RunPacks.begin(context, { version, type, purposes: ['index'], signal });
  const manifestKey = await context.keys.make(documents.run, 'manifest', signal);
  const compresses = context.limits.level > 0;
  const { name } = plan.source;
  let suspect: Suspect | undefined;
  const written = shares.map((share, i) => decodeShare(share, documents.keyOf(shareName(i))));
  const committed = await commitShares(context, packs, written, {
    ...viewToCommit(view),
    header: headerOf(plan),
    comparedWith: await readParent(repository, plan, signal),
    manifestKey,
    sequence: () => nextInSequence(repository, plan.source, signal),
    onListed: repository.links.onListed,
    judge: (figures) => {
      suspect = judgeBackup(judgedBy(plan), figures, { name, allowEmpty, thresholds, compresses });
      return suspect;
    },
    elapsedMs: (last) => ageOf(repository, { plan, planKey: documents.keyOf('plan'), last, signal }),
    findOurs: (key) => ofRun(repository, key, options),
    onWarning: (message) => options.onProgress?.({ kind: 'warning', code: 'recovery', message }),
    signal,
  });
  await bundleNew(repository, signal);
  return backupResult(repository, committed, { omitted: view.omitted, cost: costOf(view), suspect });
}

/** What was read: the snapshot of all shares, or that of the first one, which read all. */
function viewOf(plan: StoredPlan, first: Share | undefined, held: RunBody<'held'> | undefined) {
  const shared = held?.apart === undefined ? plan.shared?.view : undefined;
  if (!shared) return first?.view;
  return held?.position === undefined ? shared : { ...shared, position: held.position };
}

/**
 * For the part of the pack list that is shared with the parent, so only in format 2. Its MAC does not matter:
 * only identical leaves are referred to. Undefined if it is gone, or damaged.
 */
async function readParent(
  repository: Repository,
  { version, parent }: StoredPlan,
  signal: AbortSignal,
): Promise<Manifest | undefined> {
  if (version !== 2 || !parent) return undefined;
  try {
    return await repository.readUnprovenManifest(parent.key as BackupKey, signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_NO_BACKUP') || isDocumentProblem(error)) return undefined;
    throw error;
  }
}

function headerOf(plan: StoredPlan): BackupHeader {
  const { version = 1, note, startedAt, parent, noParent, reread } = plan;
  const follows = noParent ? undefined : parent;
  return { ...plan, version, note, startedAt: new Date(startedAt), parent: follows, reread };
}

/** Whether an earlier commit, or a simultaneous one, has listed the run. */
async function findListed(
  repository: Repository,
  plan: StoredPlan,
  options: CommitBackupOptions,
): Promise<Manifest | undefined> {
  const times = candidateTimes({ startedAt: new Date(plan.startedAt), parent: plan.parent });
  const wanted = new Set<BackupKey>(times.map((at) => backupKey(plan.type, at)));
  const folders = new Set([...wanted].map((key) => key.slice(0, key.lastIndexOf('/') + 1)));
  for (const folder of folders) {
    const keys = await repository.backupKeys(options.signal, folder);
    for (const key of keys.filter((one) => wanted.has(one))) {
      const found = await ofRun(repository, key, options);
      if (found) return found;
    }
  }
  return undefined;
}

/** The backup with that name, if it is of this run. */
async function ofRun(
  repository: Repository,
  key: BackupKey,
  { run, signal }: Pick<CommitBackupOptions, 'run' | 'signal'>,
): Promise<Manifest | undefined> {
  const { manifest } = (await repository.inspectIfListed(key, signal)) ?? {};
  return manifest?.run === run ? manifest : undefined;
}

async function resultOf(
  repository: Repository,
  manifest: Manifest,
  about: { readonly plan: StoredPlan; readonly documents: RunDocuments; readonly signal: AbortSignal },
): Promise<BackupResult> {
  const { plan, documents, signal } = about;
  const reader = await repository.openManifest(manifest, signal);
  const view = plan.shared?.view ?? (await documents.get(shareName(0), 'share', signal))?.view;
  const { omitted, suspect } = reader.catalog;
  return backupResult(repository, reader, { omitted, suspect, cost: view && costOf(view) });
}

/** @throws E_RUN_INCOMPLETE naming the missing ones */
async function readShares(
  documents: RunDocuments,
  plan: StoredPlan,
  signal: AbortSignal,
): Promise<readonly Share[]> {
  const found: Share[] = [];
  const missing: number[] = [];
  const read = (share: number) => documents.get(shareName(share), 'share', signal);
  for await (const share of orderedMap(plan.shares.keys(), READS, read)) {
    if (share) found.push(share);
    else missing.push(found.length + missing.length);
  }
  if (missing.length === 0) return found;
  const shown = missing.slice(0, SHOWN).join(', ') + (missing.length > SHOWN ? ', …' : '');
  throw new HoldfastError(
    'E_RUN_INCOMPLETE',
    `${missing.length} of ${plural(plan.shares.length, 'share')} of run ${documents.run} are not stored: ${shown}`,
    { hint: 'Run those shares, then commit again; or give the run up.' },
  );
}

/**
 * Tells the holder that everything is read, and waits for it to confirm that its snapshot lasted until now.
 * Called when all results exist, so that the answer holds for all of them.
 */
async function letGo(
  { clock }: Repository,
  documents: RunDocuments,
  { run, holderMs = DEFAULT_HOLDER_MS, signal }: CommitBackupOptions,
): Promise<RunBody<'held'>> {
  const { body: released } = await documents.putFirst(RELEASED, 'released', { by: 'commit' }, signal);
  if (released.by === 'abort') throw runAborted(run, released.reason);
  const waited = new Stopwatch(clock);
  for (let pauseMs = FIRST_POLL_MS; ; pauseMs = Math.min(POLL_MS, 2 * pauseMs)) {
    const held = await documents.get(HELD, 'held', signal);
    if (held?.stood) return held;
    if (held) throw didNotStand(run, held);
    if (waited.elapsedMs() >= holderMs) break;
    await sleep(pauseMs, signal);
  }
  throw new HoldfastError(
    'E_SOURCE_LOST',
    `nobody confirmed within ${holderMs / 1000} s that the snapshot of run ${run} was kept open to the end: nothing is listed`,
    { hint: 'Find out what happened to the holder, then start a new run.' },
  );
}

/**
 * How long ago the run began, by the store's clock: what was just stored is dated now. Unknown if the plan is
 * gone.
 */
async function ageOf(
  { store }: Repository,
  about: {
    readonly plan: StoredPlan;
    readonly planKey: string;
    readonly last: PackId;
    readonly signal: AbortSignal;
  },
): Promise<number> {
  const { plan, planKey, last, signal } = about;
  const [planned, now] = await Promise.all([
    headIfThere(planKey, store, signal),
    headIfThere(packKey(last), store, signal),
  ]);
  if (!planned || !now) return Number.POSITIVE_INFINITY;
  return plan.elapsedMs + now.modifiedAt.getTime() - planned.modifiedAt.getTime();
}
