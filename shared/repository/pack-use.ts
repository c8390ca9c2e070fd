import { isHoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import { orderedMap } from '../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../format/expired.ts';
import type { ObjectInfo } from '../store/object-store.ts';
import type { ManifestEntry, Repository } from './repository.ts';
import { isAbandonedClock } from './store-clock.ts';
import { isAbandonedSweep } from './sweeps.ts';

/** Copies read at once. */
const READS = 8;

/** A manifest that prune took out. */
export interface ExpiredCopy {
  /** Its object below `expired/`. */
  readonly object: string;
  /** The key that it was listed under. */
  readonly key: BackupKey;
  /** By the store's clock. */
  readonly expiredAt: Date;
}

/** Ids of the packs that a manifest names, forged or not; undefined where it cannot be read. */
export type NamedPacks = readonly string[] | undefined;

/** Which manifests there are, listed and taken out, and which packs each names. Needs no key. */
export interface PackUse {
  readonly listed: readonly BackupKey[];
  readonly expired: readonly ExpiredCopy[];
  /** What is left below `expired/` of runs that were stopped, and nobody needs. */
  readonly leftovers: readonly string[];
  /** By the object that names them. */
  readonly packs: ReadonlyMap<string, NamedPacks>;
  /** Why listed manifests were put aside: what these name is not needed for it. */
  readonly putAside: ReadonlyMap<string, string>;
}

/**
 * Reads the listed manifests, then those taken out: in this order one that is taken out meanwhile is seen at least once.
 *
 * @param known what was read before: manifests never change
 * @param onListed called with every listed manifest that is read
 * @param onManifest called with every manifest that is read, listed or taken out, and the object that holds it
 * @throws E_STORE_*, E_WRONG_KEY
 */
export async function readPackUse(
  repository: Repository,
  options: {
    readonly now: Date;
    readonly known?: PackUse['packs'];
    readonly onListed?: (entry: ManifestEntry) => void;
    readonly onManifest?: (object: string, entry: ManifestEntry) => void;
    readonly signal: AbortSignal;
  },
): Promise<PackUse> {
  const { now, known = new Map(), onListed = () => {}, onManifest = () => {}, signal } = options;
  const read: Reading = { packs: new Map(known), names: new Map(), doubtful: [] };
  const { packs, doubtful } = read;
  const { keys, gone } = await readListed(repository, read, {
    onListed: (entry) => {
      onManifest(entry.key, entry);
      onListed(entry);
    },
    signal,
  });
  const { expired, leftovers } = await listExpired(repository, now, signal);
  const copies = expired.filter(({ object }) => !packs.has(object));
  for await (const [copy, entry] of orderedMap(copies, READS, (one) => readCopy(repository, one, signal))) {
    packs.set(copy.object, entry ? namedBy(entry, read.names) : []);
    if (entry) onManifest(copy.object, entry);
    if (entry && !entry.claimed) doubtful.push([copy.key, copy.object]);
  }
  const putAside = await readPutAside(repository, doubtful, signal);
  for (const object of putAside.keys()) packs.set(object, []);
  // One that went meanwhile and left no copy was not taken out by a prune: what it named is not known.
  for (const key of gone) if (!expired.some((copy) => copy.key === key)) packs.set(key, undefined);
  return { listed: keys.filter((key) => packs.has(key)), expired, leftovers, packs, putAside };
}

interface Reading {
  readonly packs: Map<string, NamedPacks>;
  readonly names: Map<string, string>;
  /** Manifests that cannot be relied on: what they are, or were, listed as, and the objects that hold them. */
  readonly doubtful: [key: BackupKey, object: string][];
}

/** @returns all keys that are listed, and those of them that went before they were read */
async function readListed(
  repository: Repository,
  { packs, names, doubtful }: Reading,
  options: { readonly onListed: (entry: ManifestEntry) => void; readonly signal: AbortSignal },
) {
  const { onListed, signal } = options;
  const keys = await repository.backupKeys(signal);
  const gone: BackupKey[] = [];
  const unread = keys.filter((key) => !packs.has(key));
  const inspect = async (key: BackupKey) => [key, await repository.inspectIfListed(key, signal)] as const;
  for await (const [key, entry] of orderedMap(unread, READS, inspect)) {
    if (!entry) {
      gone.push(key);
      continue;
    }
    packs.set(key, namedBy(entry, names));
    if (entry.problem) doubtful.push([key, key]);
    onListed(entry);
  }
  return { keys, gone };
}

async function listExpired({ store, context }: Repository, now: Date, signal: AbortSignal) {
  const isLeftover = (info: ObjectInfo) =>
    isAbandonedClock(info, now) || isAbandonedSweep(info, now, context.graceMs);
  const expired: ExpiredCopy[] = [];
  const leftovers: string[] = [];
  for await (const info of store.list(EXPIRED, { signal })) {
    const key = parseExpiredKey(info.key);
    if (key) expired.push({ object: info.key, key, expiredAt: info.modifiedAt });
    else if (isLeftover(info)) leftovers.push(info.key);
  }
  return { expired, leftovers };
}

/** @param doubtful keys, and the objects that hold what is, or was, listed under them */
async function readPutAside(
  repository: Repository,
  doubtful: readonly (readonly [key: BackupKey, object: string])[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const reasons = new Map<string, string>();
  if (doubtful.length === 0) return reasons;
  const quarantine = await repository.reports.quarantine(signal);
  for (const [key, object] of doubtful) {
    const reason = await quarantine.reasonOf(key, signal, object);
    if (reason !== undefined) reasons.set(object, reason);
  }
  return reasons;
}

/** Undefined where another prune has removed it meanwhile. */
async function readCopy(
  repository: Repository,
  copy: ExpiredCopy,
  signal: AbortSignal,
): Promise<readonly [ExpiredCopy, ManifestEntry | undefined]> {
  const { object, key } = copy;
  try {
    return [copy, await repository.inspect(key, () => repository.store.get(object, { signal }), signal)];
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return [copy, undefined];
    throw error;
  }
}

/** Of a name that many manifests have, one text is kept. */
function namedBy({ claimed }: ManifestEntry, names: Map<string, string>): NamedPacks {
  return claimed?.packs.map(({ id }) => {
    const known = names.get(id);
    if (known === undefined) names.set(id, id);
    return known ?? id;
  });
}
