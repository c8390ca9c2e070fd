import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { parseRecoveryKeyName, RECOVERY_WRAPS, recoveryWrapName } from '../../format/recovery-file.ts';
import type { AnyRunKeyEntry, RunKeyEntry } from '../../repository/keys/key-ring.ts';
import type { KnownRecoveryKey } from '../../repository/keys/recovery-keys.ts';
import type { KeyToWrap } from '../../repository/keys/recovery-wraps.ts';
import type { ManifestEntry } from '../../repository/reading/manifest-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ObjectStore } from '../../store/object-store.ts';

/** Manifests read at once. */
const READS = 8;

/**
 * What a restore needs wrapped to a recovery key: the root key that wrapped a data key, if that can be
 * exported; else the data key.
 */
export type NeededKey = Pick<KeyToWrap, 'run' | 'purpose' | 'wrapped'>;

/** What a run's key has to be opened with. */
export function neededKey({ run, purpose, rootKeyId, wrapped }: AnyRunKeyEntry): NeededKey {
  return exportedRoot(rootKeyId) ?? { run, purpose, wrapped };
}

/** Judged only by the form of its id: those of KMS are ARNs, and never leave it. */
function exportedRoot(rootKeyId: string): NeededKey | undefined {
  return rootKeyId.startsWith('hex:') ? { run: rootKeyId, purpose: 'root', wrapped: '' } : undefined;
}

/** Whether all of these keys are wrapped to it, by name. */
export function isCovered(
  recoveryKey: KnownRecoveryKey,
  { keys, rootKeys }: { readonly keys: readonly AnyRunKeyEntry[]; readonly rootKeys: readonly string[] },
  there: ReadonlySet<string>,
): boolean {
  const needed = [...keys.map(neededKey), ...rootKeys.flatMap((id) => exportedRoot(id) ?? [])];
  return needed.every((key) => there.has(recoveryWrapName(recoveryKey.id, key)));
}

/** Names of the wrapped keys of backups that exist. */
export class WrapNames {
  readonly #ids: readonly string[];
  readonly #there: ReadonlySet<string>;

  private constructor(ids: readonly string[], there: ReadonlySet<string>) {
    this.#ids = ids;
    this.#there = there;
  }

  /** @param keys objects below `keys/`. @throws E_STORE_* */
  static async list(store: ObjectStore, keys: readonly string[], signal: AbortSignal): Promise<WrapNames> {
    const names = keys.map(parseRecoveryKeyName);
    const removed = new Set(names.flatMap((name) => (name?.isRemoval ? [name.id] : [])));
    const ids = names.flatMap((name) => (name && !name.isRemoval && !removed.has(name.id) ? [name.id] : []));
    const there = new Set<string>();
    for (const id of ids)
      for await (const { key } of store.list(`${RECOVERY_WRAPS}${id}/`, { signal })) there.add(key);
    return new WrapNames(ids, there);
  }

  of(keys: readonly RunKeyEntry[]): string[] {
    const needed = new Set(
      this.#ids.flatMap((id) => keys.map((key) => recoveryWrapName(id, neededKey(key)))),
    );
    return [...needed].filter((name) => this.#there.has(name));
  }
}

/** Every listed manifest, oldest first; for damaged ones the problem. */
export async function* manifestsOf(
  repository: Repository,
  signal: AbortSignal,
): AsyncGenerator<ManifestEntry & { readonly key: BackupKey }> {
  const keys = (await repository.backupKeys(signal)).toReversed();
  const read = (key: BackupKey) => repository.inspectIfListed(key, signal);
  for await (const entry of orderedMap(keys, READS, read)) if (entry) yield entry;
}
