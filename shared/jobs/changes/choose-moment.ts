import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { changesFolder, segmentKey } from '../../format/change-keys.ts';
import type { Manifest } from '../../format/manifest.ts';
import { followSegments } from '../../repository/changes/change-chain.ts';
import { listSegments } from '../../repository/changes/list-segments.ts';
import {
  type ListedSegment,
  type OpenedSegment,
  readSegment,
} from '../../repository/changes/segment-reader.ts';
import { missing } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeJoin, ReplayUntil } from '../../sources/changes.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';

/** A base, and the changes that lead from it to a moment. */
export interface ChosenMoment {
  readonly base: Manifest;
  readonly join: ChangeJoin;
  /** In order; empty if the base is all that there is. */
  readonly segments: readonly OpenedSegment[];
  readonly until: ReplayUntil;
}

/** The moment to restore, and its source. */
export interface MomentWanted {
  readonly source: { readonly kind: string; readonly name: string };
  readonly until: ReplayUntil;
  /** Of positions of that kind. */
  readonly compare: ChangePlugin['compare'];
  /** Only bases that were listed before this backup of the source. */
  readonly olderThan?: BackupKey | undefined;
  /** Only this base. */
  readonly only?: BackupKey | undefined;
  /** Up to this segment, from the newest base that lacks something of it: whatever the clocks say. */
  readonly upTo?: { readonly number: number; readonly isLacking: (join: ChangeJoin) => boolean } | undefined;
  /** Learns of backups that cannot be read, and are passed over. */
  readonly onWarning?: (message: string) => void;
  readonly signal: AbortSignal;
}

/** A backup that changes can be applied to. */
export interface Base {
  readonly manifest: Manifest;
  /** Number of the newest segment before it was begun. */
  readonly after: number;
}

/**
 * The newest base before a moment, and the segments from there to it. They are read and proven to follow each other; nothing else is read.
 *
 * @throws E_NO_MOMENT saying which moments there are, E_DAMAGED naming the object that is missing or wrong, E_STORE_*
 */
export async function chooseMoment(repository: Repository, wanted: MomentWanted): Promise<ChosenMoment> {
  const { source, until, upTo, signal } = wanted;
  const listed = await listAll(repository, source, signal);
  let why: string | undefined;
  const none = `there is no earlier backup of ${source.name} that changes can be applied to`;
  for await (const { manifest, after } of basesOf(repository, wanted)) {
    const { join } = (await repository.openManifest(manifest, signal)).catalog;
    if (!join)
      throw new HoldfastError('E_DAMAGED', `${manifest.key} does not record where its changes continue`);
    const isLater = until.at !== undefined && join.at > until.at;
    if (isLater || (upTo && (after >= upTo.number || !upTo.isLacking(join)))) continue;
    const begin = await firstNeeded(repository, listed, { after, join, ...wanted });
    const segments = await segmentsTo(repository, listed, { begin, until, last: upTo?.number, signal });
    const broken = whyBroken(segments, { begin, after });
    why ??= broken;
    if (broken !== undefined) continue;
    return { base: manifest, join, segments, until };
  }
  throw noMoment(source.name, until, why ?? none);
}

/** Whether statements that change definitions lie between a base and a moment: only a replay gets past them. */
export function hasDefinitions({ segments }: Pick<ChosenMoment, 'segments'>): boolean {
  return segments.some(({ head }) => (head.facts.definitions?.statements ?? 0) > 0);
}

/** Bases of a source, newest first. */
export async function* basesOf(
  repository: Repository,
  {
    source,
    olderThan,
    only,
    onWarning = () => {},
    signal,
  }: Pick<MomentWanted, 'source' | 'olderThan' | 'only' | 'onWarning' | 'signal'>,
): AsyncGenerator<Base> {
  const keys = await repository.backupKeys(signal);
  const newest = olderThan === undefined ? 0 : keys.indexOf(olderThan) + 1;
  for (const key of only === undefined ? keys.slice(newest) : [only]) {
    const { manifest, problem } = (await repository.inspectIfListed(key as BackupKey, signal)) ?? {};
    if (problem) onWarning(`${key} was skipped: ${problem.message}`);
    const isOfSource = manifest?.source.kind === source.kind && manifest.source.name === source.name;
    if (manifest?.changes && isOfSource) yield { manifest, after: manifest.changes.after };
  }
}

/** Oldest first. @throws E_NO_MOMENT if there are none */
async function listAll(
  { store }: Repository,
  source: MomentWanted['source'],
  signal: AbortSignal,
): Promise<readonly ListedSegment[]> {
  const listed = await Array.fromAsync(listSegments(store, changesFolder(source), { signal }));
  if (listed.length > 0) return listed.reverse();
  throw new HoldfastError('E_NO_MOMENT', `no changes of ${source.name} are stored`, {
    hint: 'Restore a backup, and set up continuous backup with `holdfast pitr setup`.',
  });
}

/**
 * The first segment that a base needs: mostly the one after those that were there when it was begun. If some of these end behind the
 * place where it joins, they may have transactions that it lacks.
 */
async function firstNeeded(
  { context }: Repository,
  listed: readonly ListedSegment[],
  {
    after,
    join,
    compare,
    signal,
  }: Pick<Base, 'after'> & Pick<MomentWanted, 'compare' | 'signal'> & { readonly join: ChangeJoin },
): Promise<number> {
  for (let number = after; ; number--) {
    const one = listed.find((segment) => segment.number === number);
    if (!one || compare((await readSegment(context, one, signal)).head.to, join.from) <= 0) return number + 1;
  }
}

/** The segments from one on, up to the last, or the first that reaches the moment. @throws E_NO_MOMENT if none does, E_DAMAGED */
async function segmentsTo(
  { context }: Repository,
  listed: readonly ListedSegment[],
  about: {
    readonly begin: number;
    readonly until: ReplayUntil;
    readonly last: number | undefined;
    readonly signal: AbortSignal;
  },
): Promise<readonly OpenedSegment[]> {
  const { begin, until, last = Number.POSITIVE_INFINITY, signal } = about;
  const { at } = until;
  const needed = listed.filter(({ number }) => number >= begin && number <= last);
  refuseMissing(listed, begin);
  const segments: OpenedSegment[] = [];
  for await (const segment of followSegments(context, needed, signal)) {
    segments.push(segment);
    if (at !== undefined && segment.head.facts.readAt >= at) return segments;
  }
  if (at === undefined) return segments;
  const reaches = segments.at(-1)?.head.facts.readAt ?? 'the backup itself';
  throw new HoldfastError('E_NO_MOMENT', `the stored changes do not reach ${at}: they end at ${reaches}`, {
    hint: 'Poll again with `holdfast pitr run --once`, or restore with --at latest.',
  });
}

/** @throws E_DAMAGED if the first segment that is needed is not there, though others are, or the one before it */
function refuseMissing(listed: readonly ListedSegment[], begin: number): void {
  const [oldest, newest] = [listed[0], listed.at(-1)];
  if (!oldest || !newest) return;
  const isThere = listed.some(({ number }) => number === begin);
  if (newest.number >= begin && !isThere) throw missing(segmentKey(oldest.folder, begin));
  if (newest.number < begin - 1) throw missing(segmentKey(oldest.folder, begin - 1));
}

/** Why no replay gets from a base to the end of its segments; undefined if one does. */
function whyBroken(
  segments: readonly OpenedSegment[],
  { begin, after }: { readonly begin: number; readonly after: number },
): string | undefined {
  const last = segments.at(-1)?.head;
  if (!last) return undefined;
  const { unbrokenFrom, sameFrom } = last;
  const before = (number: number) => segments.find(({ head }) => head.number === number - 1)?.head;
  const since = (number: number) => ` after ${before(number)?.facts.readAt ?? 'the backup'}`;
  const broken = segments.find(({ head }) => head.number === unbrokenFrom)?.head.begins;
  if (unbrokenFrom > begin)
    return `changes${since(unbrokenFrom)} are lost: ${broken?.says ?? 'there is a gap'}`;
  // A segment that begins anew says nothing of definitions.
  if (sameFrom <= after || sameFrom === unbrokenFrom) return undefined;
  return `table definitions changed${since(sameFrom)}, and the stored changes do not include that; moments from the next backup on can be restored`;
}

/** The error for a moment that nothing reaches. */
export function noMoment(source: string, until: ReplayUntil, why: string): HoldfastError {
  const { at, beforeTransaction } = until;
  const what =
    beforeTransaction !== undefined
      ? `the moment before transaction ${beforeTransaction}`
      : (at ?? 'the latest moment');
  return new HoldfastError('E_NO_MOMENT', `${what} of ${source} cannot be restored: ${why}`, {
    hint: 'Run `holdfast pitr status` to see which moments can be restored, or restore a backup.',
  });
}
