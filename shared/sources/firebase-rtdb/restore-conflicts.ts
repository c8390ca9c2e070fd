import { plural } from '../../core/plural.ts';
import type { FirebaseConnection } from './connection.ts';
import { CanonicalJson } from './json.ts';
import { type NodePath, showPath } from './paths.ts';

/** Data where a restore is to write. */
export interface Conflict {
  readonly place: NodePath;
  /** `/characters (12 children)` */
  readonly text: string;
}

/** Looks at each place, reads none of its data. */
export async function findConflicts(
  connection: FirebaseConnection,
  places: readonly NodePath[],
  signal: AbortSignal,
): Promise<readonly Conflict[]> {
  const conflicts: Conflict[] = [];
  for (const place of places) {
    const held = await connection.ask(
      { method: 'GET', path: place, query: { shallow: 'true' } },
      ({ body, outcome }) => (outcome === 'whole' ? new CanonicalJson(body).members()?.length : Infinity),
      signal,
    );
    const isEmpty = held === undefined ? await isNull(connection, place, signal) : held === 0;
    if (isEmpty) continue;
    const count =
      held === undefined ? 'a value' : Number.isFinite(held) ? plural(held, 'node') : 'very many nodes';
    conflicts.push({ place, text: `${showPath(place)} (${count})` });
  }
  return conflicts;
}

function isNull(connection: FirebaseConnection, place: NodePath, signal: AbortSignal): Promise<boolean> {
  return connection.ask(
    { method: 'GET', path: place, query: { shallow: 'true' } },
    ({ body }) => new CanonicalJson(body).whole() === 'null',
    signal,
  );
}
