import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { changesFolder, segmentKey } from '../../format/change-keys.ts';
import type { Manifest } from '../../format/manifest.ts';
import { listChangeFolders, listSegments, refuseBreak } from '../../repository/changes/change-chain.ts';
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
  const read = (one: ListedSegment) => guarded(one.key, () => readSegment(repository.context, one, signal));
  for await (const { value: segment, problem } of orderedMap(listed, READS, read)) {
    const problems = problem ? [problem] : [];
    let bytes = 0;
    if (segment) {
      const follows = before && before.head.number + 1 === segment.head.number ? before : undefined;
      const link = await guarded(segment.key, async () => follows && refuseBreak(follows, segment));
      const whole = await guarded(segment.key, async () => {
        for await (const block of readChanges(repository.context, segment, signal)) bytes += block.length;
      });
      problems.push(...[link.problem, whole.problem].flatMap((one) => one ?? []));
    }
    before = segment;
    yield { bytes, problems };
  }
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
