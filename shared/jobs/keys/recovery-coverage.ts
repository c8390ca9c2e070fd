import type { BackupKey } from '../../core/ids.ts';
import { parseRecoveryKeyName, RECOVERY_KEYS, RECOVERY_WRAPS } from '../../format/recovery-file.ts';
import type { AnyRunKeyEntry, RunKeyEntry } from '../../repository/keys/key-ring.ts';
import { type KnownRecoveryKey, readRecoveryKeys } from '../../repository/keys/recovery-keys.ts';
import type { Repository } from '../../repository/repository.ts';
import { openStore, type StoreConfig } from '../../store/open-store.ts';
import { isCovered } from './recovery-keys-needed.ts';

/** What recovery keys could open. */
export interface RecoveryCoverage {
  /** The keys that backups are wrapped to. */
  readonly keys: readonly { readonly id: string; readonly createdAt: Date }[];
  /** For each of them the backups that it does not open, in the order in which they were checked. */
  readonly notOpened: readonly { readonly recoveryKey: string; readonly backups: readonly BackupKey[] }[];
  /** Public halves that are not trusted, or that are configured but missing. */
  readonly problems: readonly string[];
}

/**
 * Checks for every recovery key whether the keys of backups are wrapped to it. Goes by the names of objects:
 * only the sheet proves that their content opens (`recover --check`).
 */
export class CoverageCheck {
  readonly #known: Known;
  readonly #missing = new Map<string, BackupKey[]>();

  private constructor(known: Known) {
    this.#known = known;
  }

  /** Lists the wrapped keys. @throws E_STORE_* */
  static async begin(repository: Repository, signal: AbortSignal): Promise<CoverageCheck> {
    return new CoverageCheck(await readKnown(repository, signal));
  }

  /**
   * @param keys that a restore needs, or as many of them as are known
   * @param rootKeys that wrap all of them, if not all are known
   */
  look(backup: BackupKey, keys: readonly RunKeyEntry[], rootKeys: readonly string[] = []): void {
    const { active, names } = this.#known;
    for (const recoveryKey of active) {
      if (isCovered(recoveryKey, { keys, rootKeys }, names)) continue;
      const missing = this.#missing.get(recoveryKey.id) ?? [];
      this.#missing.set(recoveryKey.id, missing);
      missing.push(backup);
    }
  }

  result(): RecoveryCoverage {
    const { active, problems } = this.#known;
    return {
      keys: active.map(({ id, createdAt }) => ({ id, createdAt })),
      notOpened: [...this.#missing].map(([recoveryKey, backups]) => ({ recoveryKey, backups })),
      problems,
    };
  }
}

/** Ids of the recovery keys that do not open what these keys seal, by names as above. @throws E_STORE_* */
export async function lackingRecoveryKeys(
  repository: Repository,
  keys: readonly AnyRunKeyEntry[],
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { active, names } = await readKnown(repository, signal);
  return active.filter((one) => !isCovered(one, { keys, rootKeys: [] }, names)).map(({ id }) => id);
}

/**
 * Ids of a place's recovery keys, by names alone: to distinguish a mistyped word from the wrong place.
 * @throws E_STORE_*
 */
export async function recoveryKeyIds(config: StoreConfig, signal: AbortSignal): Promise<string[]> {
  const store = await openStore(config);
  const ids: string[] = [];
  for await (const { key } of store.list(RECOVERY_KEYS, { signal })) {
    const name = parseRecoveryKeyName(key);
    if (name && !name.isRemoval) ids.push(name.id);
  }
  return ids;
}

interface Known {
  readonly active: readonly KnownRecoveryKey[];
  /** Paths of everything that is wrapped. */
  readonly names: ReadonlySet<string>;
  readonly problems: readonly string[];
}

async function readKnown({ context }: Repository, signal: AbortSignal): Promise<Known> {
  const { active, problems } = await readRecoveryKeys(context, signal);
  const names = new Set<string>();
  for (const { id } of active)
    for await (const { key } of context.store.list(`${RECOVERY_WRAPS}${id}/`, { signal })) names.add(key);
  return { active, names, problems };
}
