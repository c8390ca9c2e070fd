import { createHash, randomBytes } from 'node:crypto';
import { isHoldfastError } from '../core/errors.ts';
import { RUNS } from '../format/run-document.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { CLOCK_PREFIX } from './store-clock.ts';

/** Where a probe is: prune removes a store clock's leftovers, and a lifecycle rule those of runs. */
export type ProbeFolder = 'expired' | 'runs';

const RUN_PROBES = `${RUNS}probe/`;
const FOLDERS: Readonly<Record<ProbeFolder, string>> = { expired: `${CLOCK_PREFIX}probe_`, runs: RUN_PROBES };
const BYTES = 1024;

/** What a store did with a probe. */
export interface ProbeFacts {
  readonly key: string;
  /** By the store's clock. */
  readonly storedAt: Date;
  /** Whether a second put under the same key was refused, and the first bytes stayed. */
  readonly isWrittenOnce: boolean;
  readonly readsBack: boolean;
  /** Whether the store itself keeps the right checksum of it. */
  readonly isChecked: boolean;
  /** Why it could not be removed again; undefined if it was. */
  readonly left: string | undefined;
}

/** Tests on an object of its own what every backup relies on, and removes it. @throws E_STORE_*, E_ABORTED */
export async function probeStore(
  store: ObjectStore,
  { folder, signal }: { readonly folder: ProbeFolder; readonly signal: AbortSignal },
): Promise<ProbeFacts> {
  const key = FOLDERS[folder] + randomBytes(16).toString('hex');
  const [first, second] = [randomBytes(BYTES), randomBytes(BYTES)];
  await store.put(key, first, { signal });
  let looked: Omit<ProbeFacts, 'key' | 'left'>;
  let left: string | undefined;
  try {
    looked = await look(store, key, { first, second, signal });
  } finally {
    // A role that may only write leaves it.
    left = await store.delete(key).then(
      () => undefined,
      (error: unknown) => (isHoldfastError(error) ? error.message : String(error)),
    );
  }
  return { key, left, ...looked };
}

async function look(
  store: ObjectStore,
  key: string,
  {
    first,
    second,
    signal,
  }: { readonly first: Buffer; readonly second: Buffer; readonly signal: AbortSignal },
): Promise<Omit<ProbeFacts, 'key' | 'left'>> {
  const isRefused = await store.put(key, second, { signal }).then(
    () => false,
    (error: unknown) => {
      if (isHoldfastError(error, 'E_OBJECT_EXISTS')) return true;
      throw error;
    },
  );
  const { modifiedAt, sha256 } = await store.head(key, { signal });
  const found = Buffer.from(await store.get(key, { signal }));
  return {
    storedAt: modifiedAt,
    isWrittenOnce: isRefused && !found.equals(second),
    readsBack: found.equals(isRefused ? first : second),
    isChecked:
      sha256 ===
      createHash('sha256')
        .update(isRefused ? first : second)
        .digest('hex'),
  };
}

/** Whether a probe left the object whose role may remove nothing. */
export function isRunProbe(key: string): boolean {
  return key.startsWith(RUN_PROBES);
}
