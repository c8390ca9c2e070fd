import { isHoldfastError } from '../../core/errors.ts';
import { KiB } from '../../core/units.ts';
import { parseChangeKey } from '../../format/change-keys.ts';
import { parseSegment } from '../../format/change-segment.ts';
import { listChangeFolders, listSegments } from '../../repository/changes/list-segments.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { getIfThere } from '../../store/if-there.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';
import { otherBytes, putCompared } from './copy-object.ts';

/** The clear line of a segment is in it. */
const FIRST_BYTES = 16 * KiB;

/** What was copied of changes. */
export interface CopiedChanges {
  /** Segments, bundles and packs that were missing. */
  readonly objects: number;
  readonly bytes: number;
}

/**
 * Copies change segments that a second place lacks: stored bytes, as backups are, without a key. Packs go before their segment, and oldest segments
 * first, so that a copy that stops leaves a chain that ends earlier and has no hole. Prunes of that place remove them by its own rules.
 *
 * @param about `sources`: by the names in segments, all if undefined; `onProblem` learns of objects that are others there
 * @throws E_STORE_*, E_ABORTED
 */
export async function copyChanges(
  from: Repository,
  to: ObjectStore,
  about: {
    readonly sources?: readonly string[] | undefined;
    readonly onProblem: (message: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<CopiedChanges> {
  const { sources, onProblem, signal } = about;
  const total = { objects: 0, bytes: 0 };
  for await (const folder of listChangeFolders(from.store, signal)) {
    if (sources && !sources.includes((await sourceOfChanges(from, folder, signal)) ?? '')) continue;
    for (const info of await missingIn(from.store, to, { folder, onProblem, signal })) {
      const isNew = await copyOne(from.store, to, info, { onProblem, signal });
      if (!isNew) continue;
      total.objects++;
      total.bytes += info.sizeBytes;
    }
  }
  return total;
}

/** The name of the source of a folder, by its newest segment that can be read; undefined if none can. @throws E_STORE_* */
export async function sourceOfChanges(
  { store, id }: Repository,
  folder: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  for await (const { key, places } of listSegments(store, folder, { signal }))
    for (const place of places)
      try {
        const range = { offsetBytes: 0, lengthBytes: Math.min(place.sizeBytes, FIRST_BYTES) };
        return parseSegment(await place.read(range, signal), { repository: id, key }).clear.source.name;
      } catch (error) {
        if (!isDamage(error)) throw error;
      }
  return undefined;
}

/** In the order in which they are copied. */
async function missingIn(
  from: ObjectStore,
  to: ObjectStore,
  {
    folder,
    onProblem,
    signal,
  }: {
    readonly folder: string;
    readonly onProblem: (message: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<readonly ObjectInfo[]> {
  const there = new Map<string, number>();
  for await (const { key, sizeBytes } of to.list(folder, { signal })) there.set(key, sizeBytes);
  const missing: ObjectInfo[] = [];
  for await (const info of from.list(folder, { signal })) {
    if (!parseChangeKey(info.key)) continue;
    const size = there.get(info.key);
    if (size === undefined) missing.push(info);
    else if (size !== info.sizeBytes)
      onProblem(
        otherBytes(to, info.key, `${size} bytes`, {
          sizeBytes: info.sizeBytes,
          sha256: 'as in the first place',
        }).message,
      );
  }
  return missing.toSorted((a, b) => orderOf(a.key) - orderOf(b.key));
}

/** By numbers; packs before the segment that names them, bundles behind theirs. */
function orderOf(key: string): number {
  const { number = 0, part, first } = parseChangeKey(key) ?? {};
  const rank = part !== undefined ? 0 : first === undefined ? 1 : 2;
  return number * 3 + rank;
}

/** @returns whether this call put it; not if it is gone meanwhile, as a prune took it */
async function copyOne(
  from: ObjectStore,
  to: ObjectStore,
  { key }: ObjectInfo,
  { onProblem, signal }: { readonly onProblem: (message: string) => void; readonly signal: AbortSignal },
): Promise<boolean> {
  const bytes = await getIfThere(key, from, signal);
  if (!bytes) return false;
  try {
    return (await putCompared(to, key, bytes, { signal })).isNew;
  } catch (error) {
    if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
    onProblem(error.message);
    return false;
  }
}
