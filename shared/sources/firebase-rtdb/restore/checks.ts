import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents } from '../../contents.ts';
import { MOST_DEPTH, showPath } from '../connection/paths.ts';
import { CanonicalJson } from '../text/json.ts';
import type { SelectedRecord } from '../text/record-parts.ts';
import type { PlacedSelection } from './placed-selection.ts';
import { readSelection, type Selection } from './selection.ts';

/** Counts what a selection holds. */
export async function measureSelection(
  records: AsyncIterable<SelectedRecord>,
): Promise<{ readonly records: number; readonly plainBytes: number }> {
  let count = 0;
  let plainBytes = 0;
  for await (const { line } of records) {
    count++;
    plainBytes += Buffer.byteLength(line);
  }
  return { records: count, plainBytes };
}

/**
 * Whether everything to be written fits where it goes: a database has 32 levels.
 *
 * @throws E_SOURCE_UNSUPPORTED naming the first path that is too deep; nothing was changed
 */
export async function checkDepth(
  contents: BackupContents,
  selections: readonly (Selection & Pick<PlacedSelection, 'place'>)[],
  signal: AbortSignal,
): Promise<void> {
  for (const selection of selections) {
    const { dataset, below, place } = selection;
    const deepest = Number(dataset.attributes['depth'] ?? MOST_DEPTH) - below.length;
    if (place.length + deepest <= MOST_DEPTH) continue;
    for await (const { path, value } of readSelection(contents, selection, signal)) {
      const json = new CanonicalJson(value);
      json.whole();
      const depth = place.length + path.length + json.depth;
      if (depth <= MOST_DEPTH) continue;
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `${showPath([...place, ...path])} would have ${depth} levels; a database has ${MOST_DEPTH} at most`,
        { hint: 'Restore it to a place nearer to the root; nothing was changed.' },
      );
    }
  }
}
