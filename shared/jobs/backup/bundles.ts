import { createHash } from 'node:crypto';
import { isHoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { HOUR_MS, MINUTE_MS } from '../../core/units.ts';
import {
  BUNDLES,
  bundleKey,
  encodeBundle,
  isBundleKey,
  MOST_BUNDLED_BYTES,
  type SmallObject,
} from '../../format/bundle.ts';
import { isReportKey } from '../../format/report.ts';
import { BUNDLED, BundledStore, isMd5, md5Of } from '../../repository/reading/bundled-store.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectInfo, ObjectStore } from '../../store/object-store.ts';

/** Fewer are as fast to read one by one. */
const LEAST_OBJECTS = 64;
/** For a repository that never had a bundle: so that it does not delay backups. */
const MOST_AT_ONCE = 4000;
/** In one bundle. */
const MOST_OBJECTS = 50_000;
/** How many commits go by between checks whether there is enough for a bundle. */
const EVERY = 16;
/** Objects that the last bundle's writer did not see may have been stored shortly before it. */
const MARGIN_MS = HOUR_MS;
const READS = 32;
/** A bundle only saves time: making one must never take much of it. */
const MOST_WAIT_MS = 5 * MINUTE_MS;
/** Objects whose MD5 is compared with the listing before the listing's ETags are trusted. */
const FIRST_COMPARED = 32;

/**
 * After a backup: bundles what was stored since the last bundle, if that is much. Only puts, removes nothing.
 * Never throws: everything can be read without bundles too, and the backup exists.
 */
export async function bundleNew(repository: Repository, signal: AbortSignal): Promise<void> {
  const listed = repository.listedManifests();
  if (listed.length < LEAST_OBJECTS || listed.length % EVERY !== 0) return;
  await tolerant(signal, async (inTime) => {
    const { store } = repository;
    const bundles = await listBundles(store, inTime);
    const since = Math.max(0, ...bundles.map(({ modifiedAt }) => modifiedAt.getTime())) - MARGIN_MS;
    const isNew = ({ modifiedAt }: ObjectInfo) => modifiedAt.getTime() >= since;
    if (listed.filter(isNew).length < LEAST_OBJECTS) return;
    const found = (await listBundled(store, inTime)).filter(isNew);
    const newest = found.toSorted((a, b) => b.modifiedAt.getTime() - a.modifiedAt.getTime());
    await putBundle(repository, byKey(newest.slice(0, MOST_AT_ONCE)), { from: store, signal: inTime });
  });
}

/**
 * After a prune: one bundle of everything, if bundles hold removed objects or lack many.
 * Never throws, like `bundleNew`.
 */
export async function bundleAll(repository: Repository, signal: AbortSignal): Promise<void> {
  await tolerant(signal, async (inTime) => {
    const { store } = repository;
    const before = await listBundles(store, inTime);
    const from = new BundledStore(store);
    const found = await listBundled(from, inTime);
    const { lacking, outdated } = await from.compareBundles(found, inTime);
    if (before.length <= 1 && lacking < LEAST_OBJECTS && outdated === 0) return;
    for (let at = 0; found.length >= LEAST_OBJECTS && at < found.length; at += MOST_OBJECTS)
      await putBundle(repository, found.slice(at, at + MOST_OBJECTS), { from, signal: inTime });
    for (const { key } of before) await store.delete(key, { signal: inTime });
  });
}

async function listBundles(store: ObjectStore, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  const found = await Array.fromAsync(store.list(BUNDLES, { signal }));
  return found.filter(({ key }) => isBundleKey(key));
}

/** The objects for bundles, in path order. */
async function listBundled(store: ObjectStore, signal: AbortSignal): Promise<readonly ObjectInfo[]> {
  const isWanted = ({ key, sizeBytes, etag }: ObjectInfo) =>
    isMd5(etag) && sizeBytes <= MOST_BUNDLED_BYTES && (parseBackupKey(key) !== undefined || isReportKey(key));
  const lists = BUNDLED.map((folder) => Array.fromAsync(store.list(folder, { signal })));
  return byKey((await Promise.all(lists)).flat().filter(isWanted));
}

function byKey(infos: readonly ObjectInfo[]): readonly ObjectInfo[] {
  return infos.toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

/** Puts none if nothing is what the listing says, as in a store that encrypts. */
async function putBundle(
  { store, clock }: Repository,
  infos: readonly ObjectInfo[],
  { from, signal }: { readonly from: ObjectStore; readonly signal: AbortSignal },
): Promise<void> {
  const objects = matching(from, infos, signal);
  const first = await objects.next();
  if (first.done) return;
  const all = async function* () {
    yield first.value;
    yield* objects;
  };
  const body = await encodeBundle(all());
  const unique = createHash('sha256').update(body).digest('hex').slice(0, 8);
  await store.put(bundleKey(clock.now(), unique), body, { signal });
}

/** The objects whose bytes have the listed MD5; none if the first ones do not. */
async function* matching(
  from: ObjectStore,
  infos: readonly ObjectInfo[],
  signal: AbortSignal,
): AsyncGenerator<SmallObject, undefined> {
  let compared = 0;
  let matched = 0;
  const read = async ({ key, etag }: ObjectInfo) => {
    const bytes = await readOrNothing(from, key, signal);
    return bytes && md5Of(bytes) === etag ? { key, bytes } : undefined;
  };
  for await (const object of orderedMap(infos, READS, read)) {
    if (++compared > FIRST_COMPARED && matched === 0) return;
    if (!object) continue;
    matched++;
    yield object;
  }
}

/** Objects that cannot be read, or are gone meanwhile, are left out. */
async function readOrNothing(
  store: ObjectStore,
  key: string,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  try {
    return await store.get(key, { signal });
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND') || isHoldfastError(error, 'E_OBJECT_UNREADABLE'))
      return undefined;
    throw error;
  }
}

/** Roles that may not put bundles make none, and a failing store is reported by whatever needs it. */
async function tolerant(signal: AbortSignal, work: (inTime: AbortSignal) => Promise<void>): Promise<void> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(MOST_WAIT_MS)]);
  try {
    await work(inTime);
  } catch (error) {
    if (!isHoldfastError(error)) throw error;
  }
}
