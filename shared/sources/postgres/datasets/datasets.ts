import { HoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import { KEY_FIELDS, keyFieldsAttribute } from '../../../core/key-fields.ts';
import { KiB } from '../../../core/units.ts';
import type { DatasetPlan } from '../../source.ts';
import { query } from '../connection/connection.ts';
import { NUMBER_TYPE } from '../copy/export-rows.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { displayName } from '../text/identifiers.ts';
import {
  type CopyAttributes,
  DATABASE,
  LARGE_OBJECT_COLUMNS,
  LARGE_OBJECT_DATA,
  LARGE_OBJECT_DATA_COLUMNS,
  LARGE_OBJECTS,
  POST_DATA,
  PRE_DATA,
  ROLES_DATASET,
  SEQUENCE_COLUMNS,
  SEQUENCE_VALUES,
  type TableAttributes,
} from './attributes.ts';
import { countLargeObjects, type LargeObjectTotals } from './large-objects.ts';
import { FIRST_VERSION_WITH_RANGES, planPartitions, WHOLE } from './partitions.ts';
import { listSequences, type SequenceInfo } from './sequences.ts';
import { checkReadable, listTables, lockTables, type TableInfo } from './tables.ts';

/** All that a database has, by dataset. */
export interface Inventory {
  readonly datasets: readonly DatasetPlan[];
  /** Tables by the name of their dataset. */
  readonly tables: ReadonlyMap<string, TableInfo>;
  readonly sequences: readonly SequenceInfo[];
}

/**
 * Looks at everything the snapshot shows, checks that all of it may be read, and locks the tables.
 *
 * @param options.withoutRoles roles may not be read
 * @param options.only names of tables: others are passed over, and so are sequences that may not be read
 * @throws E_SOURCE_*, E_EMPTY_READ, E_ABORTED
 */
export async function takeInventory(
  snapshot: Snapshot,
  {
    pagesPerPartition,
    only,
    withoutRoles = false,
  }: {
    readonly pagesPerPartition: number;
    readonly only?: readonly string[] | undefined;
    readonly withoutRoles?: boolean;
  },
  signal: AbortSignal,
): Promise<Inventory> {
  const names = only && new Set(only);
  const { relations, sequences, largeObjects } = await listReadable(snapshot, names, signal);
  await lockTables(snapshot, relations, signal);
  // A standby has no rows of unlogged tables.
  const tables = relations.filter(({ kind, unlogged }) => kind === 'r' && !(snapshot.standby && unlogged));
  const split = snapshot.version >= FIRST_VERSION_WITH_RANGES ? pagesPerPartition : Number.POSITIVE_INFINITY;
  return {
    datasets: [
      schemaDataset(PRE_DATA, { settings: snapshot.calendar }),
      ...tables.map((table) => tableDataset(table, split)),
      ...(sequences.length > 0 ? [sequenceDataset(sequences.length)] : []),
      ...(largeObjects.objects > 0 ? largeObjectDatasets(largeObjects) : []),
      schemaDataset(POST_DATA),
      schemaDataset(DATABASE),
      ...(names || withoutRoles ? [] : [schemaDataset(ROLES_DATASET)]),
    ],
    tables: new Map(tables.map((table) => [displayName(table.schema, table.name), table])),
    sequences,
  };
}

interface Readable {
  readonly relations: readonly TableInfo[];
  readonly sequences: readonly SequenceInfo[];
  readonly largeObjects: LargeObjectTotals;
}

/**
 * Everything that the snapshot shows, if all of it may be read. Takes no locks that last.
 *
 * @param names of tables: others are passed over, and so are sequences that may not be read. @default all
 * @throws E_SOURCE_*, E_EMPTY_READ, E_ABORTED
 */
export async function listReadable(
  snapshot: Snapshot,
  names: ReadonlySet<string> | undefined,
  signal: AbortSignal,
): Promise<Readable> {
  const relations = (await listTables(snapshot, signal)).filter(
    ({ schema, name }) => names?.has(displayName(schema, name)) ?? true,
  );
  const sequences = (await listSequences(snapshot.client, signal)).filter(
    ({ readable }) => readable || names === undefined,
  );
  checkReadable([
    ...relations.flatMap(({ schema, name, denied }) =>
      denied === null ? [] : [{ name: displayName(schema, name), why: denied }],
    ),
    ...sequences.flatMap(({ schema, name, readable }) =>
      readable ? [] : [{ name: displayName(schema, name), why: 'no SELECT on the sequence' }],
    ),
  ]);
  checkNames(relations, sequences);
  const largeObjects = await countLargeObjects(snapshot.client, signal);
  if (!names && relations.length + sequences.length + largeObjects.objects === 0)
    await checkNotEmpty(snapshot, signal);
  return { relations, sequences, largeObjects };
}

/** What the driver shows of bytes that are not UTF-8. */
const UNREADABLE = '\ufffd';

/** @throws E_SOURCE_UNSUPPORTED naming tables whose names, or whose columns' names, cannot be told */
function checkNames(tables: readonly TableInfo[], sequences: readonly SequenceInfo[]): void {
  const wrong = [
    ...tables.filter(({ schema, name, columns }) =>
      [schema, name, ...columns.map((column) => column.name)].some((one) => one.includes(UNREADABLE)),
    ),
    ...sequences.filter(({ schema, name }) => `${schema}${name}`.includes(UNREADABLE)),
  ];
  if (wrong.length === 0) return;
  const names = wrong.slice(0, 10).map(({ schema, name }) => displayName(schema, name));
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `names of tables, sequences or columns are not valid UTF-8: ${names.join(', ')}`,
    { hint: 'Rename them (ALTER TABLE … RENAME). Rows, functions and comments may hold any bytes.' },
  );
}

/** No tables is possible for a database of functions and types; nothing at all is the wrong database. */
async function checkNotEmpty({ client }: Snapshot, signal: AbortSignal): Promise<void> {
  const [row] = await query<{ objects: string }>(
    client,
    `SELECT ((SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace = n.oids)
           + (SELECT count(*) FROM pg_catalog.pg_proc WHERE pronamespace = n.oids)
           + (SELECT count(*) FROM pg_catalog.pg_type WHERE typnamespace = n.oids))::text AS objects
       FROM (SELECT 1) x,
       LATERAL (SELECT oid AS oids FROM pg_catalog.pg_namespace
                 WHERE nspname !~ '^pg_' AND nspname <> 'information_schema') n
      ORDER BY 1 DESC LIMIT 1`,
    signal,
  );
  if (row !== undefined && row.objects !== '0') return;
  throw new HoldfastError('E_EMPTY_READ', 'the database has no tables and nothing else to back up', {
    hint: 'Check the database name in the connection settings.',
  });
}

function schemaDataset(
  name: typeof PRE_DATA | typeof POST_DATA | typeof DATABASE | typeof ROLES_DATASET,
  more: JsonObject = {},
): DatasetPlan {
  return {
    name,
    kind: 'schema',
    attributes: { role: name, ...more },
    partitions: [{ name: WHOLE, estimatedBytes: 64 * KiB }],
  };
}

function tableDataset(table: TableInfo, pagesPerPartition: number): DatasetPlan {
  const attributes: TableAttributes = {
    role: 'table',
    schema: table.schema,
    table: table.name,
    columns: table.columns,
    ...keyFields(table),
    unlogged: table.unlogged,
    extension: table.extension,
    condition: table.condition,
    foreignKeys: table.foreignKeys.map(({ name, schema, table: referred, deferrable }) => ({
      name,
      table: displayName(schema, referred),
      deferrable,
    })),
  };
  const splits = table.heap && table.condition === '';
  return {
    name: displayName(table.schema, table.name),
    kind: 'data',
    attributes,
    partitions: planPartitions(
      table.pages,
      table.totalBytes,
      splits ? pagesPerPartition : Number.POSITIVE_INFINITY,
    ),
  };
}

const INTEGER_TYPE = /^(smallint|integer|bigint|oid)$/;

/** The fields of COPY text that hold the primary key; of numbers that are not whole, one value has several texts. */
function keyFields({ columns, key }: TableInfo): Pick<TableAttributes, 'keyFields'> {
  const fields = key.map((name) => {
    const place = columns.findIndex((column) => column.name === name);
    const type = columns[place]?.type ?? '';
    const form = NUMBER_TYPE.test(type) ? undefined : ('text' as const);
    return { place, name, type, form: INTEGER_TYPE.test(type) ? ('integer' as const) : form };
  });
  const known = keyFieldsAttribute(fields);
  return known.length > 0 ? { [KEY_FIELDS]: known } : {};
}

function sequenceDataset(count: number): DatasetPlan {
  return copyDataset(SEQUENCE_VALUES, { role: 'sequences', columns: SEQUENCE_COLUMNS }, count * 32);
}

function largeObjectDatasets({ objects, bytes }: LargeObjectTotals): readonly DatasetPlan[] {
  const metadata = { role: 'large-objects', columns: LARGE_OBJECT_COLUMNS } as const;
  const data = { role: 'large-object-data', columns: LARGE_OBJECT_DATA_COLUMNS } as const;
  return [
    copyDataset(LARGE_OBJECTS, metadata, objects * 40),
    copyDataset(LARGE_OBJECT_DATA, data, bytes * 2),
  ];
}

function copyDataset(name: string, attributes: CopyAttributes, estimatedBytes: number): DatasetPlan {
  return {
    name,
    kind: 'data',
    attributes: { ...attributes, collective: true },
    partitions: [{ name: WHOLE, estimatedBytes }],
  };
}
