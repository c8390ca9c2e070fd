import { changesFolder, pauseKey } from '../../format/change-keys.ts';
import { headIfThere, putIfAbsent } from '../../store/if-there.ts';
import type { ObjectStore } from '../../store/object-store.ts';

type SourceName = Parameters<typeof changesFolder>[0];

/** Nobody polls a source until somebody resumes it. Its server goes on keeping its log. */
export interface Pause {
  /** By the store's clock. */
  readonly since: Date;
}

const NOTE = 'While this object exists, nobody polls the source. `holdfast pitr resume` removes it.\n';

/** Undefined if the source is polled as always. One request. @throws E_STORE_* */
export async function readPause(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<Pause | undefined> {
  const found = await headIfThere(keyOf(source), store, signal);
  return found && { since: found.modifiedAt };
}

/**
 * Has all pollers of a source stop, wherever they run; one that reads now ends its poll. May be said again.
 *
 * @returns undefined if somebody resumed it at the same time. @throws E_STORE_*
 */
export async function pauseChanges(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<Pause | undefined> {
  await putIfAbsent(keyOf(source), Buffer.from(NOTE), store, { signal });
  return readPause(store, source, signal);
}

/** @returns whether it was paused. @throws E_STORE_* */
export async function resumeChanges(
  store: ObjectStore,
  source: SourceName,
  signal: AbortSignal,
): Promise<boolean> {
  const found = await readPause(store, source, signal);
  if (found) await store.delete(keyOf(source), { signal });
  return found !== undefined;
}

function keyOf(source: SourceName): string {
  return pauseKey(changesFolder(source));
}
