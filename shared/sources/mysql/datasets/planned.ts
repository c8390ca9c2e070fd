import type { JsonObject } from '../../../core/json.ts';
import { KEY_FIELDS, type KeyField, keyFieldsAttribute } from '../../../core/key-fields.ts';
import { KiB } from '../../../core/units.ts';
import type { StoredDataset } from '../../contents.ts';
import type { DatasetPlan } from '../../source.ts';
import type { SchemaObject } from '../schema/objects.ts';
import type { Rung } from '../snapshot/snapshot.ts';
import { displayName } from '../text/identifiers.ts';
import { type Accounts, USERS } from '../users/accounts.ts';
import { type ColumnAttributes, isTableAttributes, SCHEMA, type TableAttributes } from './attributes.ts';
import { planPartitions, WHOLE } from './partitions.ts';
import { isRowless, type TableInfo } from './tables.ts';
import { valueColumns } from './versioned.ts';

/** Those of the same table in an earlier backup, if they are of the same column. */
export function boundsOf(datasets: readonly StoredDataset[], { dataset, key }: TableInfo): readonly string[] {
  const stored = datasets.find(({ name }) => name === dataset);
  if (!stored || !isTableAttributes(stored.attributes)) return [];
  const { order, bounds } = stored.attributes;
  return order[0] === key[0] ? bounds : [];
}

/** A table with its partitions. */
export function tableDataset(table: TableInfo, bounds: readonly string[]): DatasetPlan {
  const columns = valueColumns(table);
  // Of a row with history, the key is there once for each moment at which it changed.
  const order =
    table.isVersioned && table.key.length > 0
      ? [...new Set([...table.key, table.periodColumns.at(-1) ?? 'row_end'])]
      : table.key;
  const attributes: TableAttributes = {
    role: 'table',
    table: table.name,
    engine: table.engine,
    columns,
    order,
    ...keyFields(columns, order),
    isVersioned: table.isVersioned,
    bounds,
  };
  return {
    name: table.dataset,
    kind: 'data',
    attributes,
    partitions: planPartitions(bounds, table.bytes),
  };
}

const INTEGER_TYPE = /^(tinyint|smallint|mediumint|int|bigint)\b/i;
/** Character sets in which a byte below 128 is the character of that number, and no other has such bytes. */
const ASCII_CHARSETS = new Set(['ascii', 'latin1', 'utf8', 'utf8mb3', 'utf8mb4']);

/** The fields of a record that hold the key; of numbers that are not whole, one value has several texts. */
function keyFields(
  columns: readonly ColumnAttributes[],
  order: readonly string[],
): Pick<TableAttributes, 'keyFields'> {
  const fields = order.map((name) => {
    const place = columns.findIndex((column) => column.name === name);
    const column = columns[place];
    return { place, name, type: column?.type ?? '', form: column && formOf(column) };
  });
  const known = keyFieldsAttribute(fields);
  return known.length > 0 ? { [KEY_FIELDS]: known } : {};
}

function formOf({ class: kind, type, charset }: ColumnAttributes): KeyField['form'] | undefined {
  if (kind === 'number') return INTEGER_TYPE.test(type) ? 'integer' : undefined;
  if (kind === 'text') return ASCII_CHARSETS.has(charset ?? '') ? 'text' : undefined;
  return kind === 'time' ? 'text' : undefined;
}

/** Definitions of all objects. @param rung undefined if that is yet to be seen */
export function schemaDataset(rung: Rung | undefined, database: string): DatasetPlan {
  const attributes: JsonObject = {
    role: 'schema',
    database,
    ...(rung === undefined ? {} : { snapshot: rung }),
  };
  return {
    name: SCHEMA,
    kind: 'schema',
    attributes,
    partitions: [{ name: WHOLE, estimatedBytes: 64 * KiB }],
  };
}

/** Users and their rights. */
export const USERS_DATASET: DatasetPlan = {
  name: USERS,
  kind: 'schema',
  attributes: { role: 'users' },
  partitions: [{ name: WHOLE, estimatedBytes: 16 * KiB }],
};

/** What the backup leaves out, a sentence each. */
export function listOmitted(
  tables: readonly TableInfo[],
  schema: readonly SchemaObject[],
  users: Accounts | undefined,
): readonly string[] {
  return [
    users
      ? 'settings of the server: they belong to the server, not to a database'
      : 'users, their rights and passwords, and settings of the server: they belong to the server, not to a database',
    ...(users?.ignored ?? []).map(
      (user) => `the user ${user}: the server takes no notice of it (skip_name_resolve)`,
    ),
    ...tables
      .filter(isRowless)
      .map(({ name, engine }) => `rows of ${displayName(name)}: a table of ${engine} keeps none of its own`),
    ...schema
      .filter(({ broken }) => broken !== undefined)
      .map(({ name, broken }) => `a working view ${name}: the server cannot open it (${broken})`),
  ];
}
