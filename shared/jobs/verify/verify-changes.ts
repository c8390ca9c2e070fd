import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { changesFolder, segmentKey } from '../../format/change-keys.ts';
import type { Manifest } from '../../format/manifest.ts';
import { refuseBreak } from '../../repository/changes/change-chain.ts';
import { listChangeFolders, listSegments } from '../../repository/changes/list-segments.ts';
import {
  type ListedSegment,
  type OpenedSegment,
  readChanges,
  readSegment,
} from '../../repository/changes/segment-reader.ts';
import { isDamage, missing } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { headIfThere } from '../../store/if-there.ts';
import type { VerifyFinding } from './verify-findings.ts';

/** Heads read at once. */
const READS = 8;

/** What was looked at of changes, and found. */
export interface ChangesVerified {
  readonly segments: number;
  readonly readBytes: number;
  readonly findings: readonly VerifyFinding[];
}

/**
 * Verifies the change segments of all sources: none is missing between the oldest and the newest or of those that a listed base needs, each
 * follows the one before it, and their changes are whole.
 *
 * @throws E_STORE_*, E_ABORTED, E_NO_KEY
 */
export async function verifyChanges(repository: Repository, signal: AbortSignal): Promise<ChangesVerified> {
  const findings: VerifyFinding[] = [];
  const total = { segments: 0, readBytes: 0 };
  const bases = await readBases(repository, signal);
  const folders = new Set([
    ...bases.keys(),
    ...(await Array.fromAsync(listChangeFolders(repository.store, signal))),
  ]);
  for (const folder of folders) {
    const listed = await Array.fromAsync(listSegments(repository.store, folder, { signal }));
    const ofFolder = bases.get(folder) ?? [];
    for (const error of missingOf(folder, listed.reverse(), ofFolder))
      findings.push(findingOf(error, ofFolder));
    for await (const { bytes, problems } of verifyAll(repository, listed, signal)) {
      total.segments++;
      total.readBytes += bytes;
      for (const problem of problems) findings.push(findingOf(problem, ofFolder));
    }
  }
  return { ...total, findings: await stillThere(repository, findings, signal) };
}

/** Of an object by its path. */
interface Problem {
  readonly object: string;
  readonly error: HoldfastError;
}

/** Listed bases, by the folder of their changes. */
async function readBases(
  repository: Repository,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, readonly Manifest[]>> {
  const bases: Manifest[] = [];
  for (const key of await repository.backupKeys(signal)) {
    const { manifest } = (await repository.inspectIfListed(key, signal)) ?? {};
    if (manifest?.changes) bases.push(manifest);
  }
  return Map.groupBy(bases, ({ source }) => changesFolder(source));
}

/** Segments that are not listed. @param listed by ascending numbers */
function* missingOf(
  folder: string,
  listed: readonly ListedSegment[],
  bases: readonly Manifest[],
): Generator<Problem> {
  const numbers = new Set(listed.map(({ number }) => number));
  const [oldest = 0, newest = 0] = [listed[0]?.number, listed.at(-1)?.number];
  const newestKnown = bases.reduce((most, { changes }) => Math.max(most, changes?.after ?? 0), newest);
  for (let number = oldest + 1; number <= newestKnown; number++)
    if (!numbers.has(number)) {
      const object = segmentKey(folder, number);
      yield { object, error: missing(object) };
    }
}

/** Each segment with its problems. @param listed by ascending numbers */
async function* verifyAll(
  repository: Repository,
  listed: readonly ListedSegment[],
  signal: AbortSignal,
): AsyncGenerator<{ readonly bytes: number; readonly problems: readonly Problem[] }> {
  let before: OpenedSegment | undefined;
  for await (const copies of orderedMap(listed, READS, (one) => readCopies(repository, one, signal))) {
    const { bytes, problems } = await readWhole(repository, copies, signal);
    const segment = copies.find(({ value }) => value)?.value;
    if (segment && before?.head.number === segment.head.number - 1) {
      const last = before;
      const { problem } = await guarded(segment.key, async () => refuseBreak(last, segment));
      if (problem) problems.push(problem);
    }
    before = segment;
    yield { bytes, problems };
  }
}

/** Reads the changes in each of its places, and gives what is wrong there. */
async function readWhole(
  { context }: Repository,
  copies: Awaited<ReturnType<typeof readCopies>>,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly problems: Problem[] }> {
  const problems = copies.flatMap(({ problem }) => problem ?? []);
  let bytes = 0;
  for (const { value: segment, object } of copies) {
    if (!segment) continue;
    const { problem } = await guarded(object, async () => {
      for await (const block of readChanges(context, segment, signal)) bytes += block.length;
    });
    if (problem) problems.push(problem);
  }
  return { bytes, problems };
}

/** A segment in each of its places: by itself, and in bundles. Readers need one of them, and each should be whole. */
async function readCopies(repository: Repository, listed: ListedSegment, signal: AbortSignal) {
  const copies = [];
  for (const place of listed.places) {
    const read = () => readSegment(repository.context, { ...listed, places: [place] }, signal);
    copies.push({ object: place.object, ...(await guarded(place.object, read)) });
  }
  return copies;
}

/** Damage is a value. @throws anything else */
async function guarded<T>(
  object: string,
  work: () => Promise<T>,
): Promise<{ readonly value?: T; readonly problem?: Problem }> {
  try {
    return { value: await work() };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { problem: { object, error: error.about(object) } };
  }
}

function findingOf({ object, error }: Problem, bases: readonly Manifest[]): VerifyFinding {
  const backups = bases.map(({ key }) => key as BackupKey);
  return { object, code: error.code, problem: error.message, backups, sharedBy: [], datasets: [] };
}

/** Prune removes segments from the oldest on: what went meanwhile, with all before it, is no finding. */
async function stillThere(
  { store }: Repository,
  findings: readonly VerifyFinding[],
  signal: AbortSignal,
): Promise<readonly VerifyFinding[]> {
  const left: VerifyFinding[] = [];
  for (const finding of findings) {
    const folder = finding.object.slice(0, finding.object.lastIndexOf('/') + 1);
    const isListed = async () => (await headIfThere(finding.object, store, signal)) !== undefined;
    if ((await isListed()) || (await hasOlder(store, folder, finding.object, signal))) left.push(finding);
  }
  return left;
}

/** Whether a segment with a lower number is there: it lies behind in the listing. */
async function hasOlder(
  store: Repository['store'],
  folder: string,
  object: string,
  signal: AbortSignal,
): Promise<boolean> {
  for await (const { key } of listSegments(store, folder, { signal })) if (key > object) return true;
  return false;
}
