import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { MiB } from '../../core/units.ts';
import { EXPIRED, parseExpiredKey } from '../../format/expired.ts';
import type { RunKey } from '../../format/manifest.ts';
import type { ObjectInfo } from '../../store/object-store.ts';
import { isAbandonedSweep } from '../documents/sweeps.ts';
import type { ManifestEntry } from '../reading/manifest-reader.ts';
import type { Repository } from '../repository.ts';
import { isAbandonedClock } from '../store-clock.ts';
import { NameReader } from './named-packs.ts';
import { PackNumbers } from './pack-set.ts';

/** Manifests read at once, and what they may take together. */
const READS = 16;
const MOST_BYTES = 16 * MiB;

/** A manifest that prune unlisted. */
export interface ExpiredCopy {
  /** Its object below `expired/`. */
  readonly object: string;
  /** The name that it was listed under. */
  readonly key: BackupKey;
  /** By the store's clock. */
  readonly expiredAt: Date;
}

/**
 * Ids of everything below `data/` that a manifest names, forged or not, directly and through its list;
 * undefined if either cannot be read.
 */
export type NamedPacks = Iterable<string> | undefined;

/** Which manifests there are, listed and unlisted, and which packs each names. Needs no key. */
export interface PackUse {
  readonly listed: readonly BackupKey[];
  readonly expired: readonly ExpiredCopy[];
  /** Leftovers of stopped runs below `expired/`, which nobody needs. */
  readonly leftovers: readonly string[];
  /** By the object that names them. */
  readonly packs: ReadonlyMap<string, NamedPacks>;
  /** Of the sets above. */
  readonly numbers?: PackNumbers;
  /** Why listed manifests were put aside: being named there keeps no pack. */
  readonly putAside: ReadonlyMap<string, string>;
}

/**
 * Reads the listed manifests, then the unlisted ones: in this order, one that is unlisted meanwhile is seen
 * at least once.
 *
 * @param known what was read before: manifests never change
 * @param onListed called for every listed manifest that is read, with the run keys that its packs need
 * @param onManifest called with its object and those keys, for every manifest that is read, listed or not
 * @throws E_STORE_*, E_WRONG_KEY
 */
export async function readPackUse(
  repository: Repository,
  options: {
    readonly now: Date;
    readonly known?: Pick<PackUse, 'packs' | 'numbers'>;
    readonly onListed?: (entry: ManifestEntry, keys: readonly RunKey[]) => void;
    readonly onManifest?: (object: string, keys: readonly RunKey[]) => void;
    readonly signal: AbortSignal;
  },
): Promise<PackUse> {
  const { now, known, onListed = () => {}, onManifest = () => {}, signal } = options;
  const numbers = known?.numbers ?? new PackNumbers();
  const names = new NameReader(repository.lists, numbers);
  const read: Reading = { packs: new Map(known?.packs ?? []), names, doubtful: [] };
  const { packs, doubtful } = read;
  const { keys, gone } = await readListed(repository, read, {
    onListed: (entry, ofEntry) => {
      onManifest(entry.key, ofEntry);
      onListed(entry, ofEntry);
    },
    signal,
  });
  const { expired, leftovers } = await listExpired(repository, now, signal);
  const copies = expired.filter(({ object }) => !packs.has(object));
  const readOne = async (copy: ExpiredCopy) => {
    const entry = await readCopy(repository, copy, signal);
    return [copy, entry && (await names.of(entry, signal))] as const;
  };
  for await (const [copy, found] of orderedMap(copies, READS >> 1, readOne)) {
    packs.set(copy.object, found ? found.packs : []);
    if (found) onManifest(copy.object, found.keys);
    if (found && !found.packs) doubtful.push([copy.key, copy.object]);
  }
  const putAside = await readPutAside(repository, doubtful, signal);
  for (const object of putAside.keys()) packs.set(object, []);
  // One that went meanwhile and left no copy was not unlisted by a prune: nobody knows what it named.
  for (const key of gone) if (!expired.some((copy) => copy.key === key)) packs.set(key, undefined);
  return { listed: keys.filter((key) => packs.has(key)), expired, leftovers, packs, numbers, putAside };
}

interface Reading {
  readonly packs: Map<string, NamedPacks>;
  readonly names: NameReader;
  /**
   * Manifests that cannot be trusted: the names that they are, or were, listed under, and the objects that
   * hold them.
   */
  readonly doubtful: [key: BackupKey, object: string][];
}

/** @returns all listed names, and those that went before they were read */
async function readListed(
  repository: Repository,
  { packs, names, doubtful }: Reading,
  options: {
    readonly onListed: (entry: ManifestEntry, keys: readonly RunKey[]) => void;
    readonly signal: AbortSignal;
  },
) {
  const { onListed, signal } = options;
  const keys = await repository.backupKeys(signal);
  const gone: BackupKey[] = [];
  const unread = keys.filter((key) => !packs.has(key));
  const inspect = async (key: BackupKey) => {
    const entry = await repository.inspectIfListed(key, signal);
    return [key, entry && (await names.of(entry, signal))] as const;
  };
  const most = repository.readsOf(unread, { most: READS, memoryBytes: MOST_BYTES });
  for await (const [key, found] of orderedMap(unread, most, inspect)) {
    if (!found) {
      gone.push(key);
      continue;
    }
    packs.set(key, found.packs);
    if (found.entry.problem) doubtful.push([key, key]);
    onListed(found.entry, found.keys);
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

/** @param doubtful names, and the objects that hold what is, or was, listed under them */
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

/** Undefined if another prune has removed it meanwhile. */
async function readCopy(
  repository: Repository,
  { object, key }: ExpiredCopy,
  signal: AbortSignal,
): Promise<ManifestEntry | undefined> {
  try {
    return await repository.inspect(key, () => repository.store.get(object, { signal }), signal);
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
    throw error;
  }
}
