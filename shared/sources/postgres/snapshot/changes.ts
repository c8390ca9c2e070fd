import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';
import { quoteQualified } from '../text/identifiers.ts';
import type { ServerVersion } from './session.ts';

const FIRST_USER_OBJECT = 16_384;
const SHOWN = 10;

/** What only a lock on a table would keep: `visible` answers from what is there now, and with NULL for what is not. */
const KINDS = [
  {
    kind: 'function',
    catalog: 'pg_proc',
    name: 'proname',
    schema: 'pronamespace',
    visible: 'pg_function_is_visible',
  },
  {
    kind: 'relation',
    catalog: 'pg_class',
    name: 'relname',
    schema: 'relnamespace',
    visible: 'pg_table_is_visible',
  },
  {
    kind: 'type',
    catalog: 'pg_type',
    name: 'typname',
    schema: 'typnamespace',
    visible: 'pg_type_is_visible',
  },
  {
    kind: 'operator',
    catalog: 'pg_operator',
    name: 'oprname',
    schema: 'oprnamespace',
    visible: 'pg_operator_is_visible',
  },
  {
    kind: 'collation',
    catalog: 'pg_collation',
    name: 'collname',
    schema: 'collnamespace',
    visible: 'pg_collation_is_visible',
  },
  {
    kind: 'statistics object',
    catalog: 'pg_statistic_ext',
    name: 'stxname',
    schema: 'stxnamespace',
    visible: 'pg_statistics_obj_is_visible',
    since: 100_000,
  },
] as const;

/**
 * pg_dump asks functions of the server for texts of definitions: those look at what is there now, not in the snapshot, and
 * give nothing for an object that was dropped. So a dump may be whole in its own eyes and lack a function's arguments.
 *
 * @param client a session in the snapshot that was dumped
 * @throws E_SOURCE_CHANGED naming what was dropped since
 */
export async function checkNothingDropped(
  client: pg.Client,
  version: ServerVersion,
  signal: AbortSignal,
): Promise<void> {
  const selects = KINDS.filter((one) => !('since' in one) || version >= one.since).map(
    ({ kind, catalog, name, schema, visible }) =>
      `SELECT '${kind}' AS kind, n.nspname AS schema, o.${name} AS name
         FROM pg_catalog.${catalog} o JOIN pg_catalog.pg_namespace n ON n.oid = o.${schema}
        WHERE o.oid >= ${FIRST_USER_OBJECT} AND n.nspname !~ '^pg_(temp|toast)' AND pg_catalog.${visible}(o.oid) IS NULL`,
  );
  const triggers = `SELECT 'trigger', n.nspname, t.tgname FROM pg_catalog.pg_trigger t
      JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE NOT t.tgisinternal AND n.nspname !~ '^pg_(temp|toast)' AND pg_catalog.pg_get_triggerdef(t.oid) IS NULL`;
  const gone = await query<{ kind: string; schema: string; name: string }>(
    client,
    [...selects, triggers].join(' UNION ALL '),
    signal,
  );
  refuse(
    gone.map(({ kind, schema, name }) => `${kind} ${schema}.${name}`),
    'dropped',
  );
}

interface EnumType {
  readonly schema: string;
  readonly name: string;
  readonly labels: readonly string[];
}

const BATCH = 500;

/**
 * Rows are written with the names that values of enums have now; locks on tables do not keep those. In a snapshot,
 * pg_enum is as it was, and `enum_range` as it is.
 *
 * @param client a session in the snapshot
 * @throws E_SOURCE_CHANGED naming types whose values were renamed since
 */
export async function checkEnumsStood(client: pg.Client, signal: AbortSignal): Promise<void> {
  const types = await query<{ [K in keyof EnumType]: EnumType[K] }>(
    client,
    `SELECT n.nspname AS schema, t.typname AS name, json_agg(e.enumlabel ORDER BY e.enumsortorder) AS labels
       FROM pg_catalog.pg_enum e JOIN pg_catalog.pg_type t ON t.oid = e.enumtypid
       JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
      WHERE has_schema_privilege(n.oid, 'USAGE') GROUP BY t.oid, 1, 2 ORDER BY t.oid`,
    signal,
  );
  for (let start = 0; start < types.length; start += BATCH) {
    const batch = types.slice(start, start + BATCH);
    const selects = batch.map(
      ({ schema, name }, i) =>
        `SELECT ${i} AS i, array_to_json(enum_range(NULL::${quoteQualified(schema, name)})) AS labels`,
    );
    const now = await query<{ i: number; labels: readonly string[] }>(
      client,
      selects.join(' UNION ALL '),
      signal,
      {
        object: 'enums',
      },
    );
    const changed = now.flatMap(({ i, labels }) => {
      const type = batch[i];
      return type === undefined || type.labels.every((label) => labels.includes(label)) ? [] : [type];
    });
    refuse(
      changed.map(({ schema, name }) => `values of type ${schema}.${name}`),
      'renamed',
    );
  }
}

function refuse(names: readonly string[], what: string): void {
  if (names.length === 0) return;
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  throw new HoldfastError(
    'E_SOURCE_CHANGED',
    `${what} while the database was read: ${names.slice(0, SHOWN).join(', ')}${more}`,
    { hint: 'Run it again when no migration is running.' },
  );
}
