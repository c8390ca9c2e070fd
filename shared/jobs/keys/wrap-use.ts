import { parallel } from '../../core/parallel.ts';
import type { RunKey } from '../../format/manifest.ts';
import {
  isRecoveryWrapName,
  type KeyToName,
  RECOVERY_WRAPS,
  recoveryWrapName,
  wrapPurpose,
} from '../../format/recovery-file.ts';
import type { PackUse } from '../../repository/packs/pack-use.ts';
import type { Repository } from '../../repository/repository.ts';
import { getIfThere } from '../../store/if-there.ts';

/** Objects read at once. */
const READS = 8;

/** A data key, wrapped to a recovery key. */
export interface StoredWrap {
  readonly object: string;
  readonly storedAt: Date;
}

/** Which manifests need which wrapped keys: the names of those objects below `recovery/ID/`. */
export class WrapUse {
  readonly #names = new Map<string, readonly string[]>();
  readonly #needed = new Set<string>();
  /** One copy of each text is kept for all manifests. */
  readonly #texts = new Map<string, string>();

  /** For a manifest, forged or not: keeps the keys that it and its list name. */
  note(object: string, keys: readonly RunKey[]): void {
    const names = keys.map((key) => lastPathPart(recoveryWrapName('', key)));
    this.#names.set(
      object,
      names.map((name) => {
        const known = this.#texts.get(name);
        if (known === undefined) this.#texts.set(name, name);
        return known ?? name;
      }),
    );
  }

  /** For what is needed whatever manifests say: keys of change segments. */
  noteNeeded(keys: readonly KeyToName[]): void {
    for (const key of keys) this.#needed.add(lastPathPart(recoveryWrapName('', key)));
  }

  /** Names that these manifests need, or change segments. */
  namesOf(objects: readonly string[], { putAside }: PackUse): ReadonlySet<string> {
    const needing = objects.filter((object) => !putAside.has(object));
    return new Set([...this.#needed, ...needing.flatMap((object) => this.#names.get(object) ?? [])]);
  }

  /** Whether any manifest needs it. */
  isNamed(object: string): boolean {
    return this.#texts.has(lastPathPart(object));
  }
}

/** The last part of its path. */
export function lastPathPart(object: string): string {
  return object.slice(object.lastIndexOf('/') + 1);
}

/**
 * Data keys that are wrapped to recovery keys. Leaves out root keys, which belong to no run, and unreadable
 * objects.
 *
 * @throws E_STORE_*
 */
export async function readWraps(
  { store }: Repository,
  use: WrapUse,
  signal: AbortSignal,
): Promise<readonly StoredWrap[]> {
  const wraps: StoredWrap[] = [];
  const unnamed: StoredWrap[] = [];
  for await (const { key: object, modifiedAt: storedAt } of store.list(RECOVERY_WRAPS, { signal }))
    if (isRecoveryWrapName(object)) (use.isNamed(object) ? wraps : unnamed).push({ object, storedAt });
  await parallel(unnamed, { most: READS, signal }, async (wrap, stop) => {
    const bytes = await getIfThere(wrap.object, store, stop);
    const purpose = bytes && wrapPurpose(bytes, wrap.object);
    if (purpose !== undefined && purpose !== 'root') wraps.push(wrap);
  });
  return wraps;
}
