import { orderedMap } from '../../core/ordered-map.ts';
import { KiB } from '../../core/units.ts';
import type { ChangeRunKey } from '../../format/change-head.ts';
import { parseSegment } from '../../format/change-segment.ts';
import { listChangeFolders, listSegments } from '../../repository/changes/list-segments.ts';
import type { ListedSegment } from '../../repository/changes/segment-reader.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import type { WrapUse } from '../keys/wrap-use.ts';

const READS = 8;
/** The clear line is in it. */
const FIRST_BYTES = 16 * KiB;

/**
 * Which keys the change segments need: what is wrapped of them to recovery keys must stay. Needs no key itself.
 *
 * @returns false if a segment cannot be read, and may need any. @throws E_STORE_*
 */
export async function noteKeysOfChanges(
  repository: Repository,
  use: WrapUse,
  signal: AbortSignal,
): Promise<boolean> {
  let isSure = true;
  for await (const keys of keysOfChanges(repository, signal)) {
    use.noteNeeded(keys ?? []);
    isSure &&= keys !== undefined;
  }
  return isSure;
}

/** The keys of each change segment, of all sources; undefined for one that cannot be read. @throws E_STORE_* */
export async function* keysOfChanges(
  repository: Repository,
  signal: AbortSignal,
): AsyncGenerator<readonly ChangeRunKey[] | undefined> {
  const read = (one: ListedSegment) => keysOf(repository, one, signal);
  for await (const folder of listChangeFolders(repository.store, signal))
    yield* orderedMap(listSegments(repository.store, folder, { signal }), READS, read);
}

async function keysOf(
  { id }: Repository,
  { key, places }: ListedSegment,
  signal: AbortSignal,
): Promise<readonly ChangeRunKey[] | undefined> {
  for (const place of places)
    try {
      const range = { offsetBytes: 0, lengthBytes: Math.min(place.sizeBytes, FIRST_BYTES) };
      return parseSegment(await place.read(range, signal), { repository: id, key }).clear.keys;
    } catch (error) {
      if (!isDamage(error)) throw error;
    }
  return undefined;
}
