import { type BackupKey, parsePackId } from '../core/ids.ts';
import { KEYS_PREFIX } from '../format/keys-file.ts';
import { packKey } from '../format/pack.ts';
import { REPOSITORY_FILE } from '../format/repository-file.ts';
import type { BackupMarks } from '../repository/marks.ts';
import { readPackUse } from '../repository/pack-use.ts';
import type { ManifestEntry, Repository } from '../repository/repository.ts';
import type { LockedBackup, LockView } from './lock-plan.ts';
import { retentionBackup } from './prune-view.ts';
import { WrapNames } from './recovery-keys-needed.ts';

export interface ReadLockView {
  readonly view: LockView;
  /** Manifests that cannot be read, so that nobody knows what they need. */
  readonly unread: readonly BackupKey[];
}

/** Reads what locks are planned of. Needs no key: manifests name their packs in plain. @throws E_STORE_* */
export async function readLockView(repository: Repository, signal: AbortSignal): Promise<ReadLockView> {
  const { store } = repository;
  const now = repository.clock.now();
  const entries: ManifestEntry[] = [];
  const onListed = ({ claimed: _, ...entry }: ManifestEntry) =>
    entries.push({ ...entry, ...(entry.manifest ? { manifest: { ...entry.manifest, packs: [] } } : {}) });
  const use = await readPackUse(repository, { now, onListed, signal });
  const marks = await repository.marks(signal);
  const keys = await Array.fromAsync(store.list(KEYS_PREFIX, { signal }), ({ key }) => key);
  const wraps = await WrapNames.list(store, keys, signal);
  const paths = new Map<string, string>();
  // Of a pack that many backups need, one text is kept.
  const pathOf = (id: string) => {
    const known = paths.get(id) ?? packKey(parsePackId(id));
    paths.set(id, known);
    return known;
  };
  const backups = entries.map((entry): LockedBackup => {
    const { key } = entry;
    const packs = use.packs.get(key) ?? [];
    const reports = [...marks.holdsOf(key), ...reportsOf(marks.of(key))];
    return {
      retention: retentionBackup(entry, marks, { putAside: use.putAside.get(key) }),
      needs: [...packs.map(pathOf), ...new Set(reports), ...wraps.of(entry.manifest?.keys ?? [])],
    };
  });
  return {
    view: { now, backups, common: [REPOSITORY_FILE, ...keys] },
    unread: use.listed.filter((key) => use.packs.get(key) === undefined),
  };
}

/** Those that prune goes by. A drill proves something, and decides nothing. */
function reportsOf({ accept, verify, fullVerify }: BackupMarks): string[] {
  return [accept, verify, fullVerify].flatMap((mark) => (mark ? [mark.report] : []));
}
