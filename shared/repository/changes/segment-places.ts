import { KiB, MiB } from '../../core/units.ts';
import { MOST_INDEX_BYTES, parseChangeBundle } from '../../format/change-bundle.ts';
import type { ByteRange, ObjectInfo, ObjectStore } from '../../store/object-store.ts';
import { asDamage, isDamage } from '../reading/damage.ts';
import type { SegmentPlace } from './segment-reader.ts';

/** Mostly the index of a bundle is in it. */
const FIRST_BYTES = 16 * KiB;
/** Segments of a bundle are read together. */
const WINDOW_BYTES = 4 * MiB;
/** Windows in memory, of all bundles of a listing. */
const MOST_WINDOWS = 4;

/** A bundle, as a listing has it. */
export interface ListedBundle extends Pick<ObjectInfo, 'key' | 'sizeBytes' | 'modifiedAt'> {
  readonly first: number;
  readonly last: number;
}

/** A segment that is an object of its own. */
export function placeByItself(
  store: ObjectStore,
  { key, sizeBytes }: Pick<ObjectInfo, 'key' | 'sizeBytes'>,
): SegmentPlace {
  return {
    object: key,
    sizeBytes,
    read: (range, signal) => getRange(store, key, { range, signal }),
  };
}

async function getRange(
  store: ObjectStore,
  key: string,
  options: { readonly range: ByteRange; readonly signal: AbortSignal },
): Promise<Uint8Array> {
  try {
    return await store.get(key, options);
  } catch (error) {
    throw asDamage(error, key);
  }
}

/** Reads bundles of one listing: what lies together comes with one request. Bounded memory. */
export class BundleReader {
  readonly #store: ObjectStore;
  readonly #windows = new Map<string, Promise<Uint8Array>>();

  constructor(store: ObjectStore) {
    this.#store = store;
  }

  /**
   * The segments of a bundle, by number. What is wrong with it is said when one of them is read, as they may be elsewhere too.
   *
   * @throws E_STORE_*, E_ABORTED
   */
  async places(
    bundle: ListedBundle,
    signal: AbortSignal,
  ): Promise<readonly { readonly number: number; readonly place: SegmentPlace }[]> {
    const { key: object, first, last } = bundle;
    try {
      return (await this.#index(bundle, signal)).map(({ number, offsetBytes, lengthBytes: sizeBytes }) => ({
        number,
        place: {
          object,
          sizeBytes,
          read: (range, stop) =>
            this.#read(bundle, { ...range, offsetBytes: offsetBytes + range.offsetBytes }, stop),
        },
      }));
    } catch (error) {
      if (!isDamage(error)) throw error;
      const place = { object, sizeBytes: 0, read: () => Promise.reject(error) };
      return Array.from({ length: last - first + 1 }, (_, i) => ({ number: first + i, place }));
    }
  }

  async #index(bundle: ListedBundle, signal: AbortSignal) {
    const { key, sizeBytes } = bundle;
    const get = (lengthBytes: number) =>
      getRange(this.#store, key, { range: { offsetBytes: 0, lengthBytes }, signal });
    const begin = await get(Math.min(sizeBytes, FIRST_BYTES));
    const isWhole = begin.includes(NEWLINE) || begin.length === sizeBytes;
    return parseChangeBundle(isWhole ? begin : await get(Math.min(sizeBytes, MOST_INDEX_BYTES)), bundle);
  }

  async #read(
    bundle: ListedBundle,
    { offsetBytes, lengthBytes }: ByteRange,
    signal: AbortSignal,
  ): Promise<Uint8Array> {
    const end = offsetBytes + lengthBytes;
    const parts: Uint8Array[] = [];
    for (let at = offsetBytes; at < end; ) {
      const start = at - (at % WINDOW_BYTES);
      const window = await this.#window(bundle, start, signal);
      const part = window.subarray(at - start, end - start);
      parts.push(part);
      at += part.length;
      if (part.length === 0) break;
    }
    return parts.length === 1 ? (parts[0] ?? new Uint8Array()) : Buffer.concat(parts);
  }

  #window({ key, sizeBytes }: ListedBundle, start: number, signal: AbortSignal): Promise<Uint8Array> {
    const name = `${key} ${start}`;
    const known = this.#windows.get(name);
    if (known) return known;
    const range = { offsetBytes: start, lengthBytes: Math.min(WINDOW_BYTES, sizeBytes - start) };
    const window = getRange(this.#store, key, { range, signal });
    window.catch(() => this.#windows.delete(name));
    this.#windows.set(name, window);
    const [oldest] = this.#windows.keys();
    if (this.#windows.size > MOST_WINDOWS && oldest !== undefined) this.#windows.delete(oldest);
    return window;
  }
}

const NEWLINE = 0x0a;
