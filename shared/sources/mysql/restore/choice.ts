import { HoldfastError } from '../../../core/errors.ts';
import type { StoredDataset } from '../../contents.ts';
import type { SchemaObject } from '../schema/objects.ts';
import { displayName } from '../text/identifiers.ts';

/** What a restore makes. */
export interface Choice {
  readonly objects: readonly SchemaObject[];
  /** Of rows. */
  readonly datasets: readonly StoredDataset[];
  readonly isWhole: boolean;
}

/**
 * Everything, or the tables of those names with their triggers and the sequences that they take numbers from.
 *
 * @throws E_NO_DATASET
 */
export function chooseObjects(
  stored: readonly StoredDataset[],
  objects: readonly SchemaObject[],
  names: readonly string[] | undefined,
): Choice {
  const data = stored.filter(({ kind }) => kind === 'data');
  if (names === undefined) return { objects, datasets: data, isWhole: true };
  for (const name of names)
    if (!isNamed(name, data, objects))
      throw unknown(
        name,
        data.map((dataset) => dataset.name),
      );
  const asked = new Set(names);
  const tables = objects.filter(({ type, name }) => type === 'table' && asked.has(displayName(name)));
  const tableNames = new Set(tables.map(({ name }) => name));
  const text = tables.map(({ sql }) => sql).join('\n');
  const chosen = objects.filter(
    (object) =>
      tables.includes(object) ||
      (object.type === 'trigger' && tableNames.has(object.table ?? '')) ||
      (object.type === 'sequence' && text.includes(`\`${object.name}\``)),
  );
  return { objects: chosen, datasets: data.filter(({ name }) => asked.has(name)), isWhole: false };
}

/** A table whose engine keeps no rows has no dataset of its own. */
function isNamed(name: string, data: readonly StoredDataset[], objects: readonly SchemaObject[]): boolean {
  return (
    data.some((dataset) => dataset.name === name) ||
    objects.some((object) => object.type === 'table' && displayName(object.name) === name)
  );
}

function unknown(name: string, known: readonly string[]): HoldfastError {
  const near = known.filter((one) => one.includes(name) || name.includes(one));
  const hint =
    near.length > 0 ? `Did you mean ${near.slice(0, 5).join(', ')}?` : '`holdfast show KEY` lists them.';
  return new HoldfastError('E_NO_DATASET', `the backup has no dataset '${name}'`, { hint });
}
