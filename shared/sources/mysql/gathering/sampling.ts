import type { Session } from '../connection/connection.ts';
import { beginAtPosition } from '../snapshot/snapshot.ts';

/** Sessions by the place of the binary log that each has begun at. */
export type Samples = ReadonlyMap<string, readonly Session[]>;

/**
 * Begins a transaction in each session, one after the other: so the samples are spread over some milliseconds, and several
 * processes that do so at the same time are likely to have one place in common, however short it lasted.
 */
export async function sample(sessions: readonly Session[], signal: AbortSignal): Promise<Samples> {
  const found = new Map<string, Session[]>();
  for (const session of sessions) {
    const position = await beginAtPosition(session, signal);
    if (position === undefined) return new Map();
    found.set(position, [...(found.get(position) ?? []), session]);
  }
  return found;
}
