import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { HOUR_MS } from '../../core/units.ts';
import { changesFolder } from '../../format/change-keys.ts';
import { newestSegment } from '../../repository/changes/change-chain.ts';
import { listSegments } from '../../repository/changes/list-segments.ts';
import {
  type ListedSegment,
  type OpenedSegment,
  readSegment,
} from '../../repository/changes/segment-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { type Base, basesOf, type MomentWanted } from './choose-moment.ts';
import { definedAnew } from './stored-up-to.ts';

/** A stretch of time. Every moment of it can be restored. */
export interface MomentRange {
  /** By the server's clock. */
  readonly from: string;
  readonly to: string;
  /** Its oldest base. */
  readonly base: BackupKey;
}

/** Where changes do not follow each other, or tables were defined anew. */
export interface MomentBreak {
  /** Known to be before it, and after it. */
  readonly after: string | undefined;
  readonly before: string;
  readonly why: 'gap' | 'definitions';
  /** A sentence. */
  readonly says: string;
  /** The backup from which on moments can be restored again; undefined if there is none yet. */
  readonly healedBy: BackupKey | undefined;
}

/** Segments that were stored in one hour. */
export interface SegmentHour {
  /** Its begin, by the store's clock. */
  readonly at: Date;
  readonly segments: number;
  readonly storedBytes: number;
}

/** What is stored of a source's changes. */
export interface Timeline {
  readonly segments: number;
  /** Of segments; their packs that lie by themselves are not counted. */
  readonly storedBytes: number;
  /** All that was committed by then is stored. */
  readonly readAt: string | undefined;
  /** How long ago that is by this machine's clock. */
  readonly lagMs: number | undefined;
  /** Newest first, as the next three; hours without a segment are left out. */
  readonly hours: readonly SegmentHour[];
  /** Backups that stored changes can be applied to. */
  readonly bases: readonly { readonly key: BackupKey; readonly startedAt: string }[];
  readonly ranges: readonly MomentRange[];
  readonly breaks: readonly MomentBreak[];
  /** Why a new backup is needed now, so that the newest changes can be restored; undefined if none is. */
  readonly baseDue: string | undefined;
  /** Of the newest segment. */
  readonly warnings: readonly string[];
}

/**
 * What is stored of a source's changes, and which moments can be restored. Reads a few segments, however many there are.
 *
 * @throws E_DAMAGED naming a segment that is wrong, E_NO_KEY, E_STORE_*
 */
export async function readTimeline(
  repository: Repository,
  wanted: Omit<MomentWanted, 'until' | 'compare'> & {
    /** Reads what segments say. @default `repository` */
    readonly changes?: Repository | undefined;
  },
): Promise<Timeline> {
  const { source, signal, changes = repository } = wanted;
  const listed = await Array.fromAsync(listSegments(changes.store, changesFolder(source), { signal }));
  const byNumber = new Map(listed.map((one) => [one.number, one]));
  const read = (number: number) => readIfThere(changes, byNumber.get(number), signal);
  const bases = await Array.fromAsync(basesOf(repository, wanted));
  const oldest = listed.at(-1)?.number ?? 1;
  const newest = await read(listed[0]?.number ?? 0);
  const ranges: MomentRange[] = [];
  const breaks: MomentBreak[] = [];
  for (let end = newest; end; ) {
    const begin = breakOf(end);
    const range = await rangeOf(repository, bases, { begin, end, oldest, signal });
    if (range) ranges.push(range);
    const [broken, before] = [await read(begin), await read(begin - 1)];
    if (before && broken) breaks.push(describeBreak(broken, before, range?.base));
    end = before;
  }
  const readAt = newest?.head.facts.readAt;
  return {
    segments: listed.length,
    storedBytes: listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    readAt,
    lagMs:
      readAt === undefined ? undefined : Math.max(0, repository.clock.now().getTime() - Date.parse(readAt)),
    hours: hoursOf(listed),
    bases: bases
      .filter(({ after }) => after >= oldest - 1)
      .map(({ manifest: { key, startedAt } }) => ({ key: key as BackupKey, startedAt })),
    ranges,
    breaks,
    baseDue: newest && whyDue(newest, bases, breaks),
    warnings: newest?.head.facts.warnings ?? [],
  };
}

/**
 * Why a source needs a new backup now, so that its newest changes can be restored. Undefined if it needs none, or has no changes.
 *
 * @param known its newest segment, if it was read
 * @throws as `readTimeline`
 */
export async function needsBase(
  repository: Repository,
  { kind, name }: MomentWanted['source'],
  signal: AbortSignal,
  known?: OpenedSegment,
): Promise<string | undefined> {
  const source = { kind, name };
  const newest = known ?? (await newestSegment(repository.context, source, signal));
  if (!newest) return undefined;
  const begin = breakOf(newest);
  for await (const { after } of basesOf(repository, { source, signal })) if (after >= begin) return undefined;
  return DUE;
}

const DUE = 'no backup can be brought up to the newest changes';

function whyDue(
  newest: OpenedSegment,
  bases: readonly Base[],
  [broken]: readonly MomentBreak[],
): string | undefined {
  const begin = breakOf(newest);
  if (bases.some(({ after }) => after >= begin)) return undefined;
  return broken ? `${DUE}: ${broken.says}` : DUE;
}

function hoursOf(listed: readonly ListedSegment[]): SegmentHour[] {
  const hours = Map.groupBy(listed, ({ modifiedAt }) => Math.floor(modifiedAt.getTime() / HOUR_MS));
  return [...hours]
    .toSorted(([a], [b]) => b - a)
    .map(([hour, all]) => ({
      at: new Date(hour * HOUR_MS),
      segments: all.length,
      storedBytes: all.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    }));
}

/** The newest segment that no replay gets past. */
function breakOf({ head }: Pick<OpenedSegment, 'head'>): number {
  return Math.max(head.unbrokenFrom, head.sameFrom);
}

async function readIfThere(
  { context }: Repository,
  listed: ListedSegment | undefined,
  signal: AbortSignal,
): Promise<OpenedSegment | undefined> {
  return listed && readSegment(context, listed, signal);
}

/** From the oldest base of a stretch whose segments are still there to its end. */
async function rangeOf(
  repository: Repository,
  bases: readonly Base[],
  about: {
    readonly begin: number;
    readonly end: OpenedSegment;
    readonly oldest: number;
    readonly signal: AbortSignal;
  },
): Promise<MomentRange | undefined> {
  const { begin, end, oldest, signal } = about;
  const base = bases.findLast(
    ({ after }) => after >= Math.max(begin, oldest - 1) && after <= end.head.number,
  );
  if (!base) return undefined;
  const from = await joinedAt(repository, base, signal);
  if (from === undefined || from > end.head.facts.readAt) return undefined;
  return { from, to: end.head.facts.readAt, base: base.manifest.key as BackupKey };
}

/** When a base was taken. Without the key of its catalog: when it was finished, which is later. */
async function joinedAt(
  repository: Repository,
  { manifest }: Base,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await repository.openManifest(manifest, signal)).catalog.join?.at;
  } catch (error) {
    if (!isHoldfastError(error, 'E_NO_KEY')) throw error;
    return manifest.finishedAt.replace(/(?:[.]\d+)?Z$/, (end) => `.${end.slice(1, -1).padEnd(6, '0')}Z`);
  }
}

function describeBreak(
  { head }: OpenedSegment,
  before: OpenedSegment,
  healedBy: BackupKey | undefined,
): MomentBreak {
  const moments = { after: before.head.facts.readAt, before: head.facts.readAt, healedBy };
  if (head.begins) return { ...moments, why: 'gap', says: head.begins.says };
  return { ...moments, why: 'definitions', says: definedAnew(head) };
}
