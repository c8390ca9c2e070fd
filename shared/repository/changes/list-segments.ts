import { CHANGES, changesFolder, parseChangeKey, segmentKey } from '../../format/change-keys.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import { BundleReader, placeByItself } from './segment-places.ts';
import type { ListedSegment, SegmentPlace } from './segment-reader.ts';

type SourceName = Parameters<typeof changesFolder>[0];
/** Behind all names of segments and bundles, and before those of packs that lie by themselves. */
const BEHIND_SEGMENTS = 'a';
/** Behind all names of a folder. */
const BEHIND_ALL = 'zzzz';

/**
 * The segments of a source, newest first, whether they lie by themselves or in bundles; packs that lie by themselves are not listed. Each
 * bundle takes a read of its begin.
 */
export async function* listSegments(
  store: ObjectStore,
  folder: string,
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<ListedSegment> {
  const bundles = new BundleReader(store);
  const found = new Found(folder);
  for await (const info of store.list(folder, { signal })) {
    if (info.key > folder + BEHIND_SEGMENTS) break;
    const named = parseChangeKey(info.key);
    if (!named) continue;
    const { number, first } = named;
    // All that has a segment comes no later than the segment itself.
    yield* found.above(number);
    if (first === undefined) found.add(number, placeByItself(store, info), info.modifiedAt);
    else if (!found.hasBundle({ first, last: number }))
      for (const one of await bundles.places({ ...info, first, last: number }, signal))
        found.add(one.number, one.place, info.modifiedAt);
  }
  yield* found.above(0);
}

/** Segments whose places are not all known yet. */
class Found {
  readonly #folder: string;
  readonly #waiting = new Map<number, { places: SegmentPlace[]; modifiedAt: Date }>();
  #widest = { first: Number.POSITIVE_INFINITY, last: 0 };

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether a larger bundle has all of it. */
  hasBundle({ first, last }: { readonly first: number; readonly last: number }): boolean {
    if (first >= this.#widest.first && last <= this.#widest.last) return true;
    this.#widest = { first, last };
    return false;
  }

  /** Bundles come first, as they take fewer requests. */
  add(number: number, place: SegmentPlace, modifiedAt: Date): void {
    const known = this.#waiting.get(number);
    if (!known) this.#waiting.set(number, { places: [place], modifiedAt });
    else if (place.object === segmentKey(this.#folder, number)) {
      known.places.push(place);
      known.modifiedAt = modifiedAt;
    } else known.places.unshift(place);
  }

  *above(number: number): Generator<ListedSegment> {
    const whole = [...this.#waiting].filter(([one]) => one > number).toSorted(([a], [b]) => b - a);
    for (const [one, { places, modifiedAt }] of whole) {
      this.#waiting.delete(one);
      const key = segmentKey(this.#folder, one);
      const sizeBytes = Math.max(...places.map((place) => place.sizeBytes));
      yield { key, folder: this.#folder, number: one, sizeBytes, modifiedAt, places };
    }
  }
}

/** The newest segment of a source; undefined if it has none. Mostly it is the first that is listed, and lies by itself. */
export async function newestListed(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<ListedSegment | undefined> {
  const folder = changesFolder(source);
  const [first] = await Array.fromAsync(store.list(folder, { most: 1, signal }));
  const named = first && parseChangeKey(first.key);
  if (first && named && named.first === undefined && named.part === undefined)
    return { ...first, folder, number: named.number, places: [placeByItself(store, first)] };
  if (first) for await (const listed of listSegments(store, folder, { signal })) return listed;
  return undefined;
}

/** The number of the newest segment of a source, 0 if it has none. Needs no key. */
export async function newestNumber(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<number> {
  return (await newestListed(store, source, signal))?.number ?? 0;
}

/** Folders of all sources that have segments; what has another name is passed over. */
export async function* listChangeFolders(store: ObjectStore, signal: AbortSignal): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const next = await firstAfter(store, after, signal);
    if (next === undefined) return;
    const folder = parseChangeKey(next)?.folder;
    if (folder !== undefined) yield folder;
    after = folder === undefined ? next : folder + BEHIND_ALL;
  }
}

async function firstAfter(
  store: ObjectStore,
  after: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  for await (const { key } of store.list(CHANGES, { after, most: 1, signal })) return key;
  return undefined;
}
