import { createHash } from 'node:crypto';
import { isHoldfastError } from '../../core/errors.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import { BUNDLES, type BundledObject, isBundleKey, openSection, readBundle } from '../../format/bundle.ts';
import type {
  GetOptions,
  ListOptions,
  ObjectHead,
  ObjectInfo,
  ObjectStore,
  PutOptions,
} from '../../store/object-store.ts';

type Options = { readonly signal?: AbortSignal | undefined };

/** Prefixes of the objects that bundles hold. */
export const BUNDLED = ['backups/', 'reports/'] as const;
/** The first are read one by one: often there are no more. */
const LEAST_OBJECTS = 64;
/** Anybody who may write to the store may add any number of bundles. */
const MOST_BUNDLES = 128;
const MOST_BYTES = 64 * MiB;
const READS = 8;
const SECTIONS_KEPT = 8;

/**
 * Reads small objects from bundles, thousands with a few requests, for code that shows a repository. The
 * listing stays the truth: only objects that it names are returned, and only bytes with the MD5 and size that
 * it says. Everything else is read from the store itself. So bundles that are old, damaged, forged or missing
 * cost time, and change no answer. Not for code that looks for damage.
 */
export class BundledStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  /** What listings said last. */
  readonly #listed = new Map<string, Pick<ObjectInfo, 'etag' | 'sizeBytes'>>();
  readonly #sections = new Map<Uint8Array, Uint8Array>();
  #bundles: Promise<Bundles> | undefined;
  #asked = 0;
  #missed = 0;
  #mostMissed = 2 * LEAST_OBJECTS;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.location = inner.location;
  }

  put(key: string, body: Uint8Array, options?: PutOptions): Promise<void> {
    return this.#inner.put(key, body, options);
  }

  async get(key: string, options?: GetOptions): Promise<Uint8Array> {
    const listed = options?.range ? undefined : this.#listed.get(key);
    if (!listed || ++this.#asked <= LEAST_OBJECTS) return this.#inner.get(key, options);
    return (await this.#find(key, listed, options?.signal)) ?? this.#inner.get(key, options);
  }

  head(key: string, options?: Options): Promise<ObjectHead> {
    return this.#inner.head(key, options);
  }

  async *list(prefix: string, options?: ListOptions): AsyncGenerator<ObjectInfo> {
    const isBundled = BUNDLED.some((folder) => prefix.startsWith(folder));
    const seen = new Set<string>();
    for await (const info of this.#inner.list(prefix, options)) {
      const { key, etag, sizeBytes } = info;
      if (isBundled) seen.add(key);
      if (isBundled && isMd5(etag)) this.#listed.set(key, { etag, sizeBytes });
      else this.#listed.delete(key);
      yield info;
    }
    if (!isBundled || options?.after || options?.most) return;
    // Objects that a whole listing does not name are gone.
    for (const key of this.#listed.keys())
      if (key.startsWith(prefix) && !seen.has(key)) this.#listed.delete(key);
  }

  async delete(key: string, options?: Options): Promise<void> {
    this.#listed.delete(key);
    await this.#inner.delete(key, options);
  }

  /**
   * How many of these are in no bundle, and how much in bundles is missing from them, or not up to date.
   * @throws E_ABORTED, E_STORE_*
   */
  async compareBundles(
    infos: readonly ObjectInfo[],
    signal: AbortSignal,
  ): Promise<{ readonly lacking: number; readonly outdated: number }> {
    const { byName } = await this.#loaded(signal);
    let held = 0;
    for (const { key, etag, sizeBytes } of infos) {
      const bytes = await this.#find(key, { etag, sizeBytes }, signal);
      if (bytes) held++;
    }
    const bundled = byName.values().reduce((sum, objects) => sum + objects.size, 0);
    return { lacking: infos.length - held, outdated: bundled - held };
  }

  async #find(
    key: string,
    { etag, sizeBytes }: Pick<ObjectInfo, 'etag' | 'sizeBytes'>,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array | undefined> {
    const bundles = await this.#loaded(signal);
    for (const place of bundles.placesOf(key)) {
      if (place.lengthBytes !== sizeBytes) continue;
      const bytes = this.#bytesAt(place);
      if (bytes && md5Of(bytes) === etag) return bytes;
    }
    this.#missed++;
    return undefined;
  }

  /** If many objects were in no bundle, others may have been written meanwhile. */
  #loaded(signal: AbortSignal | undefined): Promise<Bundles> {
    const known = this.#bundles;
    if (known && this.#missed <= this.#mostMissed) return known;
    this.#missed = 0;
    this.#mostMissed *= known ? 2 : 1;
    this.#bundles = (known ?? Promise.resolve(undefined)).then((before) =>
      loadBundles(this.#inner, before, signal),
    );
    // Loading that one caller aborted starts again for the next.
    this.#bundles.catch(() => {
      this.#bundles = known;
    });
    return this.#bundles;
  }

  #bytesAt({ section, offsetBytes, lengthBytes }: BundledObject): Uint8Array | undefined {
    const plain = this.#sections.get(section) ?? openOrNothing(section);
    this.#sections.delete(section);
    this.#sections.set(section, plain);
    const [oldest] = this.#sections.keys();
    if (this.#sections.size > SECTIONS_KEPT && oldest) this.#sections.delete(oldest);
    if (offsetBytes + lengthBytes > plain.length) return undefined;
    return plain.subarray(offsetBytes, offsetBytes + lengthBytes);
  }
}

/** What bundles hold, the newest first. */
class Bundles {
  readonly byName: ReadonlyMap<string, ReadonlyMap<string, BundledObject>>;

  constructor(byName: Bundles['byName']) {
    this.byName = byName;
  }

  *placesOf(key: string): Generator<BundledObject> {
    for (const objects of this.byName.values()) {
      const place = objects.get(key);
      if (place) yield place;
    }
  }
}

/** @throws only E_ABORTED: everything can be read without bundles too */
async function loadBundles(
  store: ObjectStore,
  before: Bundles | undefined,
  signal: AbortSignal | undefined,
): Promise<Bundles> {
  try {
    const names = await bundleNames(store, signal);
    const read = async (name: string) =>
      [name, before?.byName.get(name) ?? (await readOne(store, name, signal))] as const;
    return new Bundles(new Map(await Array.fromAsync(orderedMap(names, READS, read))));
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return before ?? new Bundles(new Map());
  }
}

/** Newest first, as many as are read. */
async function bundleNames(store: ObjectStore, signal: AbortSignal | undefined): Promise<readonly string[]> {
  const all: ObjectInfo[] = [];
  for await (const info of store.list(BUNDLES, { signal })) if (isBundleKey(info.key)) all.push(info);
  let bytes = 0;
  return all
    .reverse()
    .slice(0, MOST_BUNDLES)
    .filter(({ sizeBytes }) => {
      bytes += sizeBytes;
      return bytes <= MOST_BYTES;
    })
    .map(({ key }) => key);
}

/** Nothing if it is not a bundle, is gone, or may not be read. */
async function readOne(
  store: ObjectStore,
  name: string,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, BundledObject>> {
  try {
    return readBundle(await store.get(name, { signal }), name);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return new Map();
  }
}

const NOTHING = new Uint8Array();

function openOrNothing(section: Uint8Array): Uint8Array {
  try {
    return openSection(section);
  } catch (error) {
    if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
    return NOTHING;
  }
}

/** Whether an ETag is the MD5 of the object's bytes. */
export function isMd5(etag: string | undefined): boolean {
  return etag !== undefined && /^[0-9a-f]{32}$/.test(etag);
}

/** Undefined if the system's policy forbids MD5. */
export function md5Of(bytes: Uint8Array): string | undefined {
  try {
    return createHash('md5').update(bytes).digest('hex');
  } catch {
    return undefined;
  }
}
