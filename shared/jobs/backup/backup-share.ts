import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { RunBody } from '../../format/run-bodies.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { ShareWriter } from '../../repository/writing/share-writer.ts';
import { encodeShare } from '../../repository/writing/written-share.ts';
import type { ChangedPartition, Source, SourceView } from '../../sources/source.ts';
import { newestChanges } from '../changes/newest-changes.ts';
import { parentContents } from './parent-contents.ts';
import { allPartitions, countStored, readSnapshot } from './read-snapshot.ts';
import { ReadTotal } from './read-total.ts';
import {
  didNotStand,
  HELD,
  readPlan,
  refuseAborted,
  refuseOtherSource,
  type StoredPlan,
  sharedView,
  shareName,
  viewBody,
} from './run-plan.ts';
import { writeStableSnapshot } from './stable-snapshot.ts';

const ASK_MS = 10_000;

/** Which share of which run is read. */
export interface ShareOptions {
  readonly run: string;
  readonly share: number;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** What a share read and stored. */
export interface ShareFigures {
  readonly share: number;
  readonly records: number;
  readonly plainBytes: number;
  /** Bytes of packs that this share stored. */
  readonly storedBytes: number;
}

/**
 * Reads one share of a planned backup, stores what the parent lacks, and puts the sealed result at
 * `runs/<run>/share-<n>`. Repeatable: an existing result is returned.
 *
 * @throws E_NO_RUN, E_RUN_ABORTED, E_USAGE (no such share, another source), E_SNAPSHOT_EXPIRED, E_SOURCE_*,
 * E_STORE_*, E_ABORTED
 */
export async function backupShare(
  repository: Repository,
  source: Source,
  options: ShareOptions,
): Promise<ShareFigures> {
  const { share, signal } = options;
  throwIfAborted(signal);
  const documents = new RunDocuments(repository.context, options.run);
  const plan = await readPlan(documents, signal);
  refuseOtherSource(plan, source);
  if (!plan.shares[share])
    throw new HoldfastError(
      'E_USAGE',
      `run ${options.run} has shares 0 to ${plan.shares.length - 1}, got ${share}`,
    );
  const name = shareName(share);
  const before = await documents.get(name, 'share', signal);
  if (before) return figuresOf(before);
  await refuseAborted(documents, signal);
  const written = await writeShare(repository, source, { ...options, plan, documents }).catch(
    async (error: unknown) => {
      throw (await heldNoMore(documents, plan, error)) ?? error;
    },
  );
  return figuresOf((await documents.putFirst(name, 'share', written, signal)).body);
}

/** If a kept snapshot was lost: what its holder said about it, which names the remedy. */
async function heldNoMore(
  documents: RunDocuments,
  { shared }: StoredPlan,
  error: unknown,
): Promise<HoldfastError | undefined> {
  if (!shared || !isHoldfastError(error, 'E_SOURCE_LOST')) return undefined;
  const held = await documents.get(HELD, 'held', AbortSignal.timeout(ASK_MS)).catch(() => undefined);
  return held && !held.stood ? didNotStand(documents.run, held) : undefined;
}

interface WriteOptions extends ShareOptions {
  readonly documents: RunDocuments;
  readonly plan: StoredPlan;
}

/** A share's own snapshot may be opened again; a shared one was read by others as it was. */
async function writeShare(
  repository: Repository,
  source: Source,
  options: WriteOptions,
): Promise<RunBody<'share'>> {
  const { plan, share, onProgress = () => {}, signal } = options;
  repository.warmUp();
  onProgress({ kind: 'phase', phase: 'connect' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const parent = await openParent(repository, plan, { warn, signal });
  // A first backup may be of anything.
  repository.warmUp(parent?.manifest.totals.plainBytes ?? Number.POSITIVE_INFINITY);
  const about = { ...options, source, parent, warn };
  let why: string | undefined;
  if (plan.shared) {
    const joined = await joinOrLearnWhy(source, plan.shared, options);
    if (typeof joined !== 'string') {
      await using view = joined;
      return await writeParts(repository, view, about);
    }
    why = joined;
    warn(`${joined}; ${share === 0 ? 'this process reads all' : 'another process reads all'}`);
    if (share > 0) return writeNothing(repository, about);
  }
  const known = plan.fullRead ? undefined : parentContents(parent, repository);
  const { allowEmpty } = plan;
  const after = await newestChanges(repository, source, signal);
  const writeAll = (view: SourceView) => writeParts(repository, view, { ...about, alone: { why, after } });
  return writeStableSnapshot(source, writeAll, {
    parent: known,
    allowEmpty,
    isBase: after !== undefined,
    onProgress,
    onWarning: warn,
    signal,
  });
}

/** The view, or why the shares could not be brought to one moment: then the first one reads all. */
async function joinOrLearnWhy(
  source: Source,
  shared: NonNullable<StoredPlan['shared']>,
  { documents, share, signal }: WriteOptions,
): Promise<SourceView | string> {
  try {
    return await joinView(source, shared, share, signal);
  } catch (error) {
    if (!source.sharing?.isGathered || !isHoldfastError(error, 'E_SOURCE_LOST')) throw error;
    const held = await documents.get(HELD, 'held', signal);
    if (held?.apart === undefined) throw error;
    return held.apart;
  }
}

/** The result of a share whose part another one reads. */
async function writeNothing(repository: Repository, options: WritePartsOptions): Promise<RunBody<'share'>> {
  await using writer = await ShareWriter.begin(repository.context, shareToWrite(options));
  return { ...encodeShare(options.share, await writer.close()), records: 0 };
}

function joinView(
  source: Source,
  shared: NonNullable<StoredPlan['shared']>,
  share: number,
  signal: AbortSignal,
): Promise<SourceView> {
  if (source.sharing) return source.sharing.join(sharedView(shared), signal, share);
  throw new HoldfastError(
    'E_USAGE',
    `snapshots of ${source.name} cannot be shared, but the plan has a shared one`,
  );
}

interface WritePartsOptions extends WriteOptions {
  readonly source: Source;
  readonly parent: BackupReader | undefined;
  readonly warn: (message: string) => void;
  /** It opened the source itself and reads all of it; why so, if others were to help. */
  readonly alone?: { readonly why: string | undefined; readonly after: number | undefined };
}

type OwnView = NonNullable<RunBody<'share'>['view']>;

function ownView(view: OwnView, { why }: NonNullable<WritePartsOptions['alone']>): OwnView {
  return why === undefined ? view : { ...view, position: `${view.position}, by one process: ${why}` };
}

function shareToWrite({ plan, parent, warn, onProgress = () => {}, signal }: WritePartsOptions) {
  return {
    version: plan.version ?? 1,
    type: plan.type,
    source: plan.source,
    parent,
    reread: plan.reread,
    spoiltPacks: new Set(plan.spoiltPacks),
    onWarning: warn,
    onStored: countStored(onProgress),
    signal,
  } as const;
}

async function writeParts(
  repository: Repository,
  view: SourceView,
  options: WritePartsOptions,
): Promise<RunBody<'share'>> {
  const { plan, share, source, alone, onProgress = () => {}, signal: given } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([given, stop.signal]);
  try {
    await using writer = await ShareWriter.begin(repository.context, shareToWrite({ ...options, signal }));
    const parts = alone ? allPartitions(view.datasets) : partsOfShare(plan, share, view);
    const total = new ReadTotal(parts, parts.length, onProgress);
    onProgress({ kind: 'phase', phase: 'read' });
    await readSnapshot(view, writer, { parts, maxReaders: source.capabilities.maxReaders, signal, total });
    onProgress({ kind: 'phase', phase: 'commit' });
    await view.check(signal);
    const written = encodeShare(share, await writer.close());
    const own = alone ? { view: ownView(viewBody(view, source, alone.after), alone) } : {};
    return { ...written, records: recordsOf(written, parts), ...own };
  } catch (error) {
    stop.abort();
    throw error;
  }
}

/** The plan's parent; if it was removed meanwhile or cannot be read, everything is stored again. */
async function openParent(
  repository: Repository,
  { parent, noParent }: StoredPlan,
  { warn, signal }: { readonly warn: (message: string) => void; readonly signal: AbortSignal },
): Promise<BackupReader | undefined> {
  if (!parent || noParent) return undefined;
  try {
    const reader = await repository.openBackup(parent.key as BackupKey, signal);
    await reader.usedPacks(signal);
    return reader;
  } catch (error) {
    if (!isHoldfastError(error, 'E_NO_BACKUP') && !isDocumentProblem(error)) throw error;
    warn(`${parent.key} cannot be used for comparison: ${error.message}`);
    return undefined;
  }
}

function partsOfShare(
  plan: StoredPlan,
  share: number,
  { datasets }: SourceView,
): readonly ChangedPartition[] {
  return (plan.shares[share]?.parts ?? []).map(([ofDataset, ofPartition]) => {
    const dataset = datasets[ofDataset];
    const partition = dataset?.partitions[ofPartition];
    if (dataset && partition) return { dataset, partition };
    throw new HoldfastError(
      'E_DAMAGED',
      `share ${share} names partition ${ofPartition} of dataset ${ofDataset}`,
    );
  });
}

/** Records of the data, without lines of schema. */
function recordsOf(
  { partitions }: Pick<RunBody<'share'>, 'partitions'>,
  parts: readonly ChangedPartition[],
): number {
  const data = new Set(
    parts.filter(({ dataset }) => dataset.kind === 'data').map(({ dataset }) => dataset.name),
  );
  return partitions.reduce(
    (sum, { dataset, root }) => sum + (data.has(dataset) ? (root?.records ?? 0) : 0),
    0,
  );
}

function figuresOf({ share, records, partitions, own }: RunBody<'share'>): ShareFigures {
  return {
    share,
    records,
    plainBytes: partitions.reduce((sum, { root }) => sum + (root?.plainBytes ?? 0), 0),
    storedBytes: own.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
