import { type BackupKey, parsePackId } from '../../core/ids.ts';
import { KEYS_PREFIX } from '../../format/keys-file.ts';
import type { RunKey } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import { REPOSITORY_FILE } from '../../format/repository-file.ts';
import type { BackupMarks } from '../../repository/documents/marks.ts';
import { readPackUse } from '../../repository/packs/pack-use.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import { type Repository, withNoPacks } from '../../repository/repository.ts';
import { WrapNames } from '../keys/recovery-keys-needed.ts';
import { byConfiguredNames, retentionBackup } from '../retention/prune-inventory.ts';
import type { Naming } from '../source/naming.ts';
import type { LockedBackup, LockInventory } from './lock-plan.ts';

/** What was looked at to plan locks. */
export interface ReadLockView {
  readonly view: LockInventory;
  /** Manifests that cannot be read: nobody knows what they need. */
  readonly unread: readonly BackupKey[];
}

/**
 * Reads the basis of a lock plan. Needs no key: manifests name their packs in the clear. @throws E_STORE_*
 */
export async function readLockInventory(
  repository: Repository,
  signal: AbortSignal,
  naming?: Naming,
): Promise<ReadLockView> {
  const { store } = repository;
  const now = repository.clock.now();
  const entries: ManifestEntry[] = [];
  const runKeys = new Map<string, readonly RunKey[]>();
  const onListed = ({ claimed: _, ...entry }: ManifestEntry, keys: readonly RunKey[]) => {
    entries.push({ ...entry, ...(entry.manifest ? { manifest: withNoPacks(entry.manifest) } : {}) });
    runKeys.set(entry.key, keys);
  };
  const use = await readPackUse(repository, { now, onListed, signal });
  const marks = await repository.marks(signal);
  const keys = await Array.fromAsync(store.list(KEYS_PREFIX, { signal }), ({ key }) => key);
  const wraps = await WrapNames.list(store, keys, signal);
  const paths = new Map<string, string>();
  // One text is kept for a pack that many backups need.
  const pathOf = (id: string) => {
    const known = paths.get(id) ?? packKey(parsePackId(id));
    paths.set(id, known);
    return known;
  };
  const stored = entries.map((entry) =>
    retentionBackup(entry, marks, { putAside: use.putAside.get(entry.key) }),
  );
  const retentions = new Map((await byConfiguredNames(stored, naming)).map((one) => [one.key, one]));
  const backups = entries.flatMap((entry): LockedBackup[] => {
    const { key } = entry;
    const retention = retentions.get(key);
    if (!retention) return [];
    const packs = use.packs.get(key) ?? [];
    const reports = [...marks.holdsOf(key), ...reportsOf(marks.of(key))];
    const needs = new Needs(packs, pathOf, [...new Set(reports), ...wraps.of(runKeys.get(key) ?? [])]);
    return [{ retention, needs }];
  });
  return {
    view: { now, backups, common: [REPOSITORY_FILE, ...keys] },
    unread: use.listed.filter((key) => use.packs.get(key) === undefined),
  };
}

/** A terabyte has many of these, and backups share most of them, so they are not kept as texts. */
class Needs implements Iterable<string> {
  readonly #packs: Iterable<string>;
  readonly #pathOf: (id: string) => string;
  readonly #others: readonly string[];

  constructor(packs: Iterable<string>, pathOf: (id: string) => string, others: readonly string[]) {
    this.#packs = packs;
    this.#pathOf = pathOf;
    this.#others = others;
  }

  *[Symbol.iterator](): Generator<string> {
    for (const id of this.#packs) yield this.#pathOf(id);
    yield* this.#others;
  }
}

/** The reports that prune goes by. A drill proves something, but decides nothing. */
function reportsOf({ accept, verify, fullVerify }: BackupMarks): string[] {
  return [accept, verify, fullVerify].flatMap((mark) => (mark ? [mark.report] : []));
}
