import { HoldfastError } from '../../../core/errors.ts';
import { plural } from '../../../core/plural.ts';
import type { Answer, FirebaseConnection } from '../connection/connection.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { isThere } from '../reading/key-listing.ts';
import { CanonicalJson } from '../text/json.ts';

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
    const isEmpty = held === undefined ? !(await isThere(connection, place, signal)) : held === 0;
    if (isEmpty) continue;
    const count =
      held === undefined ? 'a value' : Number.isFinite(held) ? plural(held, 'node') : 'very many nodes';
    conflicts.push({ place, text: `${showPath(place)} (${count})` });
  }
  return conflicts;
}

const MOST_LOOK_BYTES = 4096;

/**
 * A child of a value takes its place: refuses a place with a value on the way to it, which nobody asked to lose.
 *
 * @throws E_TARGET_NOT_EMPTY
 */
export async function refuseValuesAbove(
  connection: FirebaseConnection,
  places: readonly NodePath[],
  signal: AbortSignal,
): Promise<void> {
  const below = places.filter((place) => place.length > 0).map((place) => place.slice(0, -1));
  const parents = new Map(below.map((parent) => [showPath(parent), parent]));
  for (const parent of parents.values()) await refuseValueAt(connection, parent, signal);
}

/** Looks upward, to the first node that has children. */
async function refuseValueAt(
  connection: FirebaseConnection,
  lowest: NodePath,
  signal: AbortSignal,
): Promise<void> {
  for (let levels = lowest.length; levels >= 0; levels--) {
    const path = lowest.slice(0, levels);
    const held = await connection.ask(
      { method: 'GET', path, query: { shallow: 'true' }, mostBytes: () => MOST_LOOK_BYTES },
      kindOfNode,
      signal,
    );
    if (held === 'children') return;
    if (held === 'nothing') continue;
    throw new HoldfastError(
      'E_TARGET_NOT_EMPTY',
      `${showPath(path)} holds a value, which what is written below it would overwrite; nothing was changed`,
      { hint: 'Name another place, or one below a node that is empty or has children.' },
    );
  }
}

function kindOfNode({ body, outcome }: Answer): 'children' | 'value' | 'nothing' {
  if (outcome === 'too-large') return 'children';
  const text = body.toString('utf8').trim();
  if (text === 'null') return 'nothing';
  return /^[{[]/.test(text) ? 'children' : 'value';
}
