import { throwIfAborted } from '../../core/abort.ts';
import { Stopwatch } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { FormatVersion } from '../../core/format-version.ts';
import { parseBackupType } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { SOFTWARE } from '../../core/version.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { formatToWrite } from '../../repository/writing/format-to-write.ts';
import { type RereadArc, rereadArc } from '../../repository/writing/reread.ts';
import type { Gathered, Source, SourceView } from '../../sources/source.ts';
import { newestChanges } from '../changes/newest-changes.ts';
import { type Ancestors, findAncestors } from './ancestors.ts';
import { refuseEmpty } from './judge-backup.ts';
import { type AncestorFigures, figuresOfAncestors } from './loss-detection.ts';
import { parentContents } from './parent-contents.ts';
import { PLAN, refuseAborted, refuseOtherSource, type StoredPlan, viewBody } from './run-plan.ts';
import { groupShares, type ShareGroup } from './share-groups.ts';

/** What a plan is made for. */
export interface PlanOptions {
  /** 32 hex digits, chosen by the caller: the same for plan, shares and commit of one backup. */
  readonly run: string;
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  /** About how many estimated bytes one share reads; a partition is never split. */
  readonly shareBytes: number;
  /** How many shares are read at once. More are planned if each can begin when it likes. @default any number */
  readonly sharesAtOnce?: number | undefined;
  /** When the backup counts as begun; chooses its name. @default now */
  readonly startedAt?: Date;
  /** Reads everything, whatever the parent has of it. */
  readonly fullRead?: boolean;
  /** As in `runBackup`. */
  readonly noParent?: boolean;
  /** As in `runBackup`. */
  readonly allowEmpty?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/** A share as it is planned, before it is read. */
export interface PlannedShare {
  /** Counts from 0. */
  readonly share: number;
  /** From the source's statistics, or the size of its last backup if the share itself opens the source. */
  readonly estimatedBytes: number;
  /** 0 if that is only known when the share opens the source. */
  readonly partitions: number;
}

/** A planned backup. If `mustBeHeld`, it must stay open until all shares were read: `keepSnapshotOpen`. */
export interface BackupPlan extends AsyncDisposable {
  readonly run: string;
  readonly shares: readonly PlannedShare[];
  readonly mustBeHeld: boolean;
  /** Checks that the snapshot still exists, if it must be kept open. @throws E_SOURCE_LOST, E_ABORTED */
  check(signal: AbortSignal): Promise<void>;
  /** Brings all shares to one moment, if they must begin together. @throws E_SOURCE_*, E_ABORTED */
  readonly gather?:
    | ((options: Parameters<NonNullable<SourceView['gather']>>[1]) => Promise<Gathered>)
    | undefined;
}

/** Whether backups of a source in several processes may need one that keeps its snapshot open meanwhile. */
export function mustBeHeld(source: Source): boolean {
  return source.sharing !== undefined;
}

/**
 * Plans a backup whose shares other processes read: opens the source's snapshot if it can be shared, finds
 * the parent, and puts the sealed plan at `runs/<run>/plan`. Repeatable: returns an existing plan, unless its
 * snapshot is kept open elsewhere.
 *
 * @throws E_RUN_TAKEN, E_RUN_ABORTED, E_SOURCE_*, E_EMPTY_READ, E_STORE_*, E_USAGE, E_ABORTED
 */
export async function planBackup(
  repository: Repository,
  source: Source,
  options: PlanOptions,
): Promise<BackupPlan> {
  const { shareBytes, signal } = options;
  parseBackupType(options.type ?? 'manual');
  if (!(shareBytes > 0))
    throw new HoldfastError('E_USAGE', `a share must have more than 0 bytes, got ${shareBytes}`);
  throwIfAborted(signal);
  repository.context.signatures.refuseUnsigned();
  const sinceBegun = new Stopwatch(repository.clock);
  const documents = new RunDocuments(repository.context, options.run);
  const planned = await documents.get(PLAN, 'plan', signal);
  if (planned) return plannedBefore(planned, documents, source);
  await refuseAborted(documents, signal);
  const found = await lookAround(repository, source, options);
  let other: StoredPlan;
  try {
    const plan = planOf(source, found, {
      ...options,
      startedAt: options.startedAt ?? repository.clock.now(),
      elapsedMs: Math.ceil(sinceBegun.elapsedMs()),
    });
    const first = await documents.putFirst(PLAN, 'plan', plan, signal);
    if (first.isOurs) return asPlan(documents.run, plan, found.view);
    other = first.body;
  } catch (error) {
    await found.view?.[Symbol.asyncDispose]();
    throw error;
  }
  await found.view?.[Symbol.asyncDispose]();
  return plannedBefore(other, documents, source);
}

type Handle = NonNullable<StoredPlan['shared']>['handle'];

interface Surroundings {
  readonly version: FormatVersion;
  readonly ancestors: Ancestors;
  readonly reread: RereadArc | undefined;
  /** Those of the parent. */
  readonly spoiltPacks: readonly string[];
  /** Open; undefined if the only share opens the source itself. */
  readonly view: SourceView | undefined;
  /** The newest change segment before the view was opened. */
  readonly after?: number | undefined;
  /** Of the only share, as far as the source was asked. */
  readonly estimatedBytes?: number;
}

async function lookAround(
  repository: Repository,
  source: Source,
  options: PlanOptions,
): Promise<Surroundings> {
  const { allowEmpty, noParent, onProgress = () => {}, signal } = options;
  onProgress({ kind: 'phase', phase: 'plan' });
  const warn = (message: string) => onProgress({ kind: 'warning', code: 'parent', message });
  const { keys, spoiltPacks: spoilt } = await repository.listing(signal);
  const ancestors = await findAncestors(repository, source, { keys, warn, signal });
  const version = await formatToWrite(repository.context, [ancestors.parent?.manifest], signal);
  const listed = spoilt.size > 0 ? ((await ancestors.parent?.listed(signal)) ?? []) : [];
  const spoiltPacks = listed.map(({ id }) => id).filter((id) => spoilt.has(id));
  const parent = noParent ? undefined : ancestors.parent;
  const { clock, context } = repository;
  const startedAt = options.startedAt ?? clock.now();
  const reread = rereadArc(parent?.manifest, { startedAt, ...context.limits });
  const found = { version, ancestors, reread, spoiltPacks };
  if (!source.sharing) return { ...found, view: undefined };
  onProgress({ kind: 'phase', phase: 'connect' });
  const known = options.fullRead ? undefined : parentContents(parent, repository);
  const after = await newestChanges(repository, source, signal);
  const view = await source.open(signal, {
    parent: known,
    allowEmpty: allowEmpty ?? false,
    onWarning: warn,
    isForOthers: true,
    isBase: after !== undefined && !isGathered(source),
  });
  try {
    if (!allowEmpty) refuseEmpty(view, source.name);
  } catch (error) {
    await view[Symbol.asyncDispose]();
    throw error;
  }
  if (!isGathered(source) || (view.handle && groupsOf(source, view, options).length > 1))
    return { ...found, view, after };
  // One process needs nobody to begin with.
  await view[Symbol.asyncDispose]();
  return { ...found, view: undefined, estimatedBytes: estimateOf(view) };
}

function isGathered({ sharing }: Source): boolean {
  return sharing?.isGathered === true;
}

/** As many shares as the data asks for; of those that must begin together, no more than can run at once. */
function groupsOf(
  source: Source,
  view: SourceView,
  { shareBytes, sharesAtOnce = Number.POSITIVE_INFINITY }: PlanOptions,
): readonly ShareGroup[] {
  const { datasets, mostShares = Number.POSITIVE_INFINITY } = view;
  const most = isGathered(source) ? Math.min(sharesAtOnce, mostShares) : Number.POSITIVE_INFINITY;
  return groupShares(datasets, shareBytes, most);
}

function estimateOf({ datasets }: SourceView): number {
  const all = datasets.flatMap(({ partitions }) => partitions);
  return all.reduce((sum, { estimatedBytes }) => sum + Math.round(estimatedBytes), 0);
}

function planOf(
  source: Source,
  { version, ancestors, reread, spoiltPacks, view, after, estimatedBytes }: Surroundings,
  options: PlanOptions & { readonly startedAt: Date; readonly elapsedMs: number },
): StoredPlan {
  const { parent, good } = ancestors;
  const figures = figuresOfAncestors(ancestors);
  const handle = view?.handle;
  if (view && !handle)
    throw new HoldfastError('E_INTERNAL', `the snapshot of ${source.name} cannot be shared`);
  const groups = view ? groupsOf(source, view, options) : [wholeOf(parent, estimatedBytes)];
  return {
    ...(version === 2 ? { version } : {}),
    ...askedFor(options),
    source: { kind: source.kind, name: source.name },
    software: SOFTWARE,
    startedAt: options.startedAt.toISOString(),
    elapsedMs: options.elapsedMs,
    ...(parent && figures.parent ? { parent: ancestorBody(figures.parent, parent) } : {}),
    ...(good && figures.good && good !== parent ? { good: ancestorBody(figures.good, good) } : {}),
    isParentGood: good !== undefined && good === parent,
    spoiltPacks: [...spoiltPacks],
    ...(reread ? { reread: { ...reread } } : {}),
    ...(view && handle ? { shared: { view: viewBody(view, source, after), handle: handle as Handle } } : {}),
    shares: groups.map(({ estimatedBytes, parts }) => ({
      estimatedBytes,
      parts: parts.map(([dataset, partition]) => [dataset, partition]),
    })),
  };
}

function askedFor({
  type = 'manual',
  note,
  allowEmpty = false,
  fullRead = false,
  noParent = false,
}: PlanOptions) {
  return { type, ...(note === undefined ? {} : { note }), allowEmpty, fullRead, noParent };
}

/** The one share that opens the source itself: as large as the last backup, unless the source says more. */
function wholeOf(
  parent: BackupReader | undefined,
  estimatedBytes = parent?.manifest.totals.plainBytes ?? 0,
): ShareGroup {
  return { estimatedBytes, parts: [] };
}

function ancestorBody(
  figures: AncestorFigures,
  { manifest }: BackupReader,
): NonNullable<StoredPlan['parent']> {
  const { key, records, suspect, datasets } = figures;
  const { startedAt } = manifest;
  const copies = datasets.map((dataset) => ({ ...dataset }));
  return { key, startedAt, records, ...(suspect ? { suspect } : {}), datasets: copies };
}

/** @throws E_RUN_TAKEN if only its planner could keep its snapshot open */
async function plannedBefore(plan: StoredPlan, documents: RunDocuments, source: Source): Promise<BackupPlan> {
  refuseOtherSource(plan, source);
  if (!plan.shared) return asPlan(documents.run, plan, undefined);
  throw new HoldfastError(
    'E_RUN_TAKEN',
    `run ${documents.run} is already planned, and its snapshot is kept open elsewhere`,
    {
      hint: 'Start a new run; a snapshot that nobody keeps open any more cannot be resumed.',
    },
  );
}

function asPlan(run: string, plan: StoredPlan, view: SourceView | undefined): BackupPlan {
  return {
    run,
    shares: plan.shares.map(({ estimatedBytes, parts }, share) => ({
      share,
      estimatedBytes,
      partitions: parts.length,
    })),
    mustBeHeld: plan.shared !== undefined,
    check: async (signal) => view?.check(signal),
    gather: view?.gather?.bind(view, plan.shares.length),
    [Symbol.asyncDispose]: async () => view?.[Symbol.asyncDispose](),
  };
}
