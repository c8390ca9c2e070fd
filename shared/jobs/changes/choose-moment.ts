import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { HOUR_MS } from '../../core/units.ts';
import { changesFolder, segmentKey } from '../../format/change-keys.ts';
import type { Manifest } from '../../format/manifest.ts';
import { followSegments, listSegments } from '../../repository/changes/change-chain.ts';
import type { ListedSegment, OpenedSegment } from '../../repository/changes/segment-reader.ts';
import { missing } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeJoin, ReplayUntil } from '../../sources/changes.ts';

/** How far the clock of a backup's maker may be ahead of its server's. */
const MOST_AHEAD_MS = HOUR_MS;

/** A base, and the changes that lead from it to a moment. */
export interface ChosenMoment {
  readonly base: Manifest;
  readonly join: ChangeJoin;
  /** In order; empty if the base is all that there is. */
  readonly segments: readonly OpenedSegment[];
  readonly until: ReplayUntil;
}

/** Which moment of which source is wanted. */
export interface MomentWanted {
  readonly source: { readonly kind: string; readonly name: string };
  readonly until: ReplayUntil;
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
  const { source, until, signal } = wanted;
  const listed = await listAll(repository, source, signal);
  let why = `no backup of ${source.name} that changes can be applied to was made before it`;
  for await (const { manifest, after } of basesOf(repository, wanted)) {
    if (until.at !== undefined && Date.parse(manifest.startedAt) > Date.parse(until.at) + MOST_AHEAD_MS)
      continue;
    const { join } = (await repository.openManifest(manifest, signal)).catalog;
    if (!join)
      throw new HoldfastError('E_DAMAGED', `${manifest.key} does not say where it joins its changes`);
    if (until.at !== undefined && join.at > until.at) continue;
    const segments = await segmentsTo(repository, listed, { after, until, signal });
    const last = segments.at(-1);
    if (last && Math.max(last.head.unbrokenFrom, last.head.sameFrom) > after) {
      why = whyBroken(last, segments);
      // Backups before it would have to get past the same place.
      break;
    }
    return { base: manifest, join, segments, until };
  }
  throw noMoment(source.name, until, why);
}

/** Bases of a source, newest first. */
export async function* basesOf(
  repository: Repository,
  { source, onWarning = () => {}, signal }: Pick<MomentWanted, 'source' | 'onWarning' | 'signal'>,
): AsyncGenerator<Base> {
  for (const key of await repository.backupKeys(signal)) {
    const { manifest, problem } = (await repository.inspectIfListed(key as BackupKey, signal)) ?? {};
    if (problem) onWarning(`${key} is passed over: ${problem.message}`);
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

/** The segments after a base, up to the first that reaches the moment. @throws E_NO_MOMENT if none does, E_DAMAGED */
async function segmentsTo(
  { context }: Repository,
  listed: readonly ListedSegment[],
  {
    after,
    until,
    signal,
  }: { readonly after: number; readonly until: ReplayUntil; readonly signal: AbortSignal },
): Promise<readonly OpenedSegment[]> {
  const { at } = until;
  const ofBase = listed.filter(({ number }) => number > after);
  const first = ofBase[0] ?? listed.at(-1);
  if (first && first.number > after + 1) throw missing(segmentKey(first.folder, after + 1));
  if (first && ofBase.length === 0 && first.number < after) throw missing(segmentKey(first.folder, after));
  const segments: OpenedSegment[] = [];
  for await (const segment of followSegments(context, ofBase, signal)) {
    segments.push(segment);
    if (at !== undefined && segment.head.facts.readAt >= at) return segments;
  }
  if (at === undefined) return segments;
  const reaches = segments.at(-1)?.head.facts.readAt;
  throw new HoldfastError(
    'E_NO_MOMENT',
    `the stored changes do not reach ${at}: they end at ${reaches ?? 'the backup itself'}`,
    {
      hint: 'Poll again with `holdfast pitr run --once`, or restore with --at latest.',
    },
  );
}

function whyBroken({ head }: OpenedSegment, segments: readonly OpenedSegment[]): string {
  const number = Math.max(head.unbrokenFrom, head.sameFrom);
  const broken = segments.find((one) => one.head.number === number)?.head;
  const before = segments.find((one) => one.head.number === number - 1)?.head;
  const since = before ? ` after ${before.facts.readAt}` : '';
  if (broken?.begins) return `changes${since} are lost: ${broken.begins.says}`;
  return `tables were defined anew${since}, which the changes do not have; moments from the next backup on can be restored`;
}

/** The error for a moment that nothing reaches. */
export function noMoment(source: string, until: ReplayUntil, why: string): HoldfastError {
  const { at, beforeTransaction } = until;
  const what =
    beforeTransaction !== undefined
      ? `the moment before transaction ${beforeTransaction}`
      : (at ?? 'the latest moment');
  return new HoldfastError('E_NO_MOMENT', `${what} of ${source} cannot be restored: ${why}`, {
    hint: 'See which moments there are with `holdfast pitr status`, or restore a backup.',
  });
}
