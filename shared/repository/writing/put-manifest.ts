import { createHash } from 'node:crypto';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { type BackupKey, backupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import { type Manifest, type Manifest1, type Manifest2, parseManifest } from '../../format/manifest.ts';
import { encodeSigned } from '../../format/signature.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { RepositoryContext } from '../context.ts';

/** What is said about a backup before it has its name. */
export type NewManifest = New<Manifest1> | New<Manifest2>;
type New<M extends Manifest> = Omit<M, 'key' | 'startedAt' | 'finishedAt'>;

/** Backups of one type that began in the same second take the next free one. */
const MOST_KEY_TRIES = 60;

/**
 * Lists a backup: puts its manifest under the first free second from `startedAt` on and after its parent's,
 * and reads it back.
 *
 * @throws E_STORE_*, E_DAMAGED, E_NO_KEY and E_BAD_KEY if it cannot be signed, E_KEY_*
 */
export async function putManifest(
  { store, clock, signatures }: Pick<RepositoryContext, 'store' | 'clock' | 'signatures'>,
  document: NewManifest,
  options: {
    readonly startedAt: Date;
    readonly parent: Pick<Manifest, 'startedAt'> | undefined;
    readonly macKey: Uint8Array;
    /** The backup that already has a name, if that is this one, listed by another process. */
    readonly findOurs?: ((key: BackupKey) => Promise<Manifest | undefined>) | undefined;
    readonly onListed: (manifest: Manifest, sha256: string) => void;
    readonly signal: AbortSignal;
  },
): Promise<Manifest> {
  const { macKey, findOurs, onListed, signal } = options;
  const sign = signatures.sign(signal);
  for (const [attempt, startedAt] of candidateTimes(options).entries()) {
    const key = backupKey(document.type, startedAt);
    const endedAt = document.imported ? startedAt : clock.now();
    const finishedAt = new Date(Math.max(endedAt.getTime(), startedAt.getTime()));
    const times = { startedAt: startedAt.toISOString(), finishedAt: finishedAt.toISOString() };
    const bytes = await encodeSigned({ ...document, key, ...times }, macKey, sign);
    try {
      await store.put(key, bytes, { signal });
    } catch (error) {
      if (!isHoldfastError(error, 'E_OBJECT_EXISTS')) throw error;
      const ours = await findOurs?.(key);
      if (ours) return ours;
      if (attempt === MOST_KEY_TRIES) throw error;
      continue;
    }
    await readBack(store, key, bytes);
    const manifest = parseManifest(bytes, key);
    onListed(manifest, createHash('sha256').update(bytes).digest('hex'));
    return manifest;
  }
  throw new HoldfastError('E_INTERNAL', 'no name was tried for the backup');
}

/** The moments, a second apart, that a backup may be listed under; the first that is free is taken. */
export function candidateTimes({
  startedAt,
  parent,
}: {
  readonly startedAt: Date;
  readonly parent: Pick<Manifest, 'startedAt'> | undefined;
}): readonly Date[] {
  // Names count seconds: a backup that follows its parent at once is still listed after it.
  const parentSecond = Date.parse(parent?.startedAt ?? '1970-01-01T00:00:00Z');
  const earliest = Math.max(startedAt.getTime(), parentSecond - (parentSecond % SECOND_MS) + SECOND_MS);
  return Array.from({ length: MOST_KEY_TRIES + 1 }, (_, i) => new Date(earliest + i * SECOND_MS));
}

/** A restore begins with the manifest, so it is read back before anyone learns of it. */
async function readBack(store: ObjectStore, key: BackupKey, written: Buffer): Promise<void> {
  const read = await store.get(key);
  if (written.equals(read)) return;
  throw new HoldfastError('E_DAMAGED', `${key} does not read back as it was written`, {
    hint: 'Check the store, then back up again.',
  });
}
