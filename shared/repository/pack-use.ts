import { isHoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import { orderedMap } from '../core/ordered-map.ts';
import { EXPIRED, parseExpiredKey } from '../format/expired.ts';
import type { ManifestEntry, Repository } from './repository.ts';
import { isAbandonedClock } from './store-clock.ts';

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
}

/**
 * Reads the listed manifests, then those taken out: in this order one that is taken out meanwhile is seen at least once.
 *
 * @param known what was read before: manifests never change
 * @param onListed called with every listed manifest that is read
 * @throws E_STORE_*, E_WRONG_KEY
 */
export async function readPackUse(
  repository: Repository,
  options: {
    readonly now: Date;
    readonly known?: PackUse['packs'];
    readonly onListed?: (entry: ManifestEntry) => void;
    readonly signal: AbortSignal;
  },
): Promise<PackUse> {
  const { now, known = new Map(), onListed = () => {}, signal } = options;
  const packs = new Map<string, NamedPacks>(known);
  const names = new Map<string, string>();
  const keys = await repository.backupKeys(signal);
  const unread = keys.filter((key) => !packs.has(key));
  const gone: BackupKey[] = [];
  const inspect = async (key: BackupKey) => [key, await repository.inspectIfListed(key, signal)] as const;
  for await (const [key, entry] of orderedMap(unread, READS, inspect)) {
    if (entry) {
      packs.set(key, namedBy(entry, names));
      onListed(entry);
    } else gone.push(key);
  }
  const expired: ExpiredCopy[] = [];
  const leftovers: string[] = [];
  for await (const info of repository.store.list(EXPIRED, { signal })) {
    const key = parseExpiredKey(info.key);
    if (key) expired.push({ object: info.key, key, expiredAt: info.modifiedAt });
    else if (isAbandonedClock(info, now)) leftovers.push(info.key);
  }
  const copies = expired.filter(({ object }) => !packs.has(object));
  for await (const [object, entry] of orderedMap(copies, READS, (copy) => readCopy(repository, copy, signal)))
    packs.set(object, entry ? namedBy(entry, names) : []);
  // One that went meanwhile and left no copy was not taken out by a prune: what it named is not known.
  for (const key of gone) if (!expired.some((copy) => copy.key === key)) packs.set(key, undefined);
  return { listed: keys.filter((key) => packs.has(key)), expired, leftovers, packs };
}

/** Undefined where another prune has removed it meanwhile. */
async function readCopy(
  repository: Repository,
  { object, key }: ExpiredCopy,
  signal: AbortSignal,
): Promise<readonly [string, ManifestEntry | undefined]> {
  try {
    return [object, await repository.inspect(key, () => repository.store.get(object, { signal }), signal)];
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return [object, undefined];
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
