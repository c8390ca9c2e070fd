import type { BackupKey } from '../core/ids.ts';
import { RECOVERY_WRAPS } from '../format/recovery-file.ts';
import type { RunKeyEntry } from '../repository/key-ring.ts';
import { type KnownRecoveryKey, readRecoveryKeys } from '../repository/recovery-keys.ts';
import type { Repository } from '../repository/repository.ts';
import { notWrapped } from './recovery-keys-needed.ts';

export interface RecoveryCoverage {
  /** The keys that backups are wrapped to. */
  readonly keys: readonly { readonly id: string; readonly createdAt: Date }[];
  /** For each of them the backups that it does not open, in the order in which they were looked at; none is left out. */
  readonly notOpened: readonly { readonly recoveryKey: string; readonly backups: readonly BackupKey[] }[];
  /** Public halves that are not believed, or that the configuration names and that are not there. */
  readonly problems: readonly string[];
}

/**
 * Looks for every recovery key whether what backups need is wrapped to it. Goes by the names of objects: that what is in them opens, only
 * the sheet proves (`recover --check`).
 */
export class CoverageCheck {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #missing = new Map<string, BackupKey[]>();
  #known: Promise<Known> | undefined;

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** @throws E_STORE_* */
  async look(backup: BackupKey, keys: readonly RunKeyEntry[]): Promise<void> {
    const { active, names } = await this.#read();
    for (const recoveryKey of active) {
      if (notWrapped(recoveryKey, keys, names).length === 0) continue;
      const missing = this.#missing.get(recoveryKey.id) ?? [];
      this.#missing.set(recoveryKey.id, [...missing, backup]);
    }
  }

  /** @throws E_STORE_* */
  async result(): Promise<RecoveryCoverage> {
    const { active, problems } = await this.#read();
    return {
      keys: active.map(({ id, createdAt }) => ({ id, createdAt })),
      notOpened: [...this.#missing].map(([recoveryKey, backups]) => ({ recoveryKey, backups })),
      problems,
    };
  }

  #read(): Promise<Known> {
    this.#known ??= readKnown(this.#repository, this.#signal);
    return this.#known;
  }
}

interface Known {
  readonly active: readonly KnownRecoveryKey[];
  /** Object keys of everything that is wrapped. */
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
