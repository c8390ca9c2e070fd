import type pg from 'pg';
import { plural } from '../../../core/plural.ts';
import { MINUTE_MS } from '../../../core/units.ts';
import type { ChangeFacts } from '../../changes.ts';
import { query } from '../connection/connection.ts';
import { displayName } from '../text/identifiers.ts';
import { readTriggers } from './ddl/state.ts';
import { readDefinitions } from './definitions.ts';

/** A transaction that is open longer makes each poll read the log again from its beginning. */
const OLD_TRANSACTION_MS = 15 * MINUTE_MS;
const SHOWN = 10;

/** What the server says beside the changes, read when these have been. */
export type ServerFacts = Pick<
  ChangeFacts,
  'datasets' | 'schema' | 'carriesDefinitions' | 'sequences' | 'warnings'
> & {
  /** What writes statements into the stream, if anything does. */
  readonly definitions: { readonly by: string } | undefined;
};

/** @param publication as `changesName` gives it @throws E_SOURCE_*, E_ABORTED */
export async function readServerFacts(
  client: pg.Client,
  publication: string,
  signal: AbortSignal,
): Promise<ServerFacts> {
  const { published, left, fingerprint } = await readDefinitions(client, publication, signal);
  const { sequences, hidden } = await readSequences(client, signal);
  // After the definitions: what was made when it was no longer there differs already.
  const trigger = await readTriggers(client, publication, signal);
  const warnings = [
    ...(left.length > 0
      ? [`These tables are not in the stream; their changes come with backups only: ${list(left)}.`]
      : []),
    ...(hidden.length > 0
      ? [`Values of these sequences cannot be read; a restore computes them from the rows: ${list(hidden)}.`]
      : []),
    ...(trigger.isThere && trigger.problem !== undefined
      ? [
          `Statements that change definitions are not in the stream, although they should be: ${trigger.problem}.`,
        ]
      : []),
    ...(await findOldTransactions(client, signal)),
  ];
  const carriesDefinitions = trigger.problem === undefined;
  return {
    datasets: published,
    schema: fingerprint,
    carriesDefinitions,
    definitions: carriesDefinitions ? { by: trigger.by } : undefined,
    sequences,
    warnings,
  };
}

function list(names: readonly string[]): string {
  const more = names.length > SHOWN ? ` and ${names.length - SHOWN} more` : '';
  return `${names.slice(0, SHOWN).join(', ')}${more}`;
}

interface Sequences {
  readonly sequences: Readonly<Record<string, string>>;
  readonly hidden: readonly string[];
}

/** The last value that each gave; one that never gave any is left out. */
async function readSequences(client: pg.Client, signal: AbortSignal): Promise<Sequences> {
  const rows = await query<{ schema: string; name: string; value: string | null; mayRead: boolean }>(
    client,
    `SELECT s.schemaname AS schema, s.sequencename AS name, s.last_value::text AS value,
            pg_catalog.has_sequence_privilege(c.oid, 'USAGE,SELECT') AS "mayRead"
       FROM pg_catalog.pg_sequences s
       JOIN pg_catalog.pg_namespace n ON n.nspname = s.schemaname
       JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
      WHERE c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      ORDER BY s.schemaname::text COLLATE "C", s.sequencename::text COLLATE "C"`,
    signal,
  );
  const nameOf = ({ schema, name }: { schema: string; name: string }) => displayName(schema, name);
  return {
    sequences: Object.fromEntries(
      rows.flatMap((row) => (row.value === null ? [] : [[nameOf(row), row.value]])),
    ),
    hidden: rows.filter(({ mayRead }) => !mayRead).map(nameOf),
  };
}

/** Of sessions that this login may look at, and of prepared transactions. */
export async function findOldTransactions(
  client: pg.Client,
  signal: AbortSignal,
  oldMs: number = OLD_TRANSACTION_MS,
): Promise<readonly string[]> {
  const rows = await query<{ what: string; minutes: string }>(
    client,
    `SELECT x.what, pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp() - x.since) / 60)::text AS minutes
       FROM (SELECT 'session ' || a.pid AS what, a.xact_start AS since
               FROM pg_catalog.pg_stat_activity a WHERE a.backend_xid IS NOT NULL AND a.datname = current_database()
              UNION ALL
             SELECT 'prepared transaction ' || pg_catalog.quote_literal(p.gid), p.prepared
               FROM pg_catalog.pg_prepared_xacts p WHERE p.database = current_database()) x
      WHERE x.since < pg_catalog.clock_timestamp() - pg_catalog.make_interval(secs => $1)
      ORDER BY x.since LIMIT ${SHOWN}`,
    signal,
    { values: [oldMs / 1000] },
  );
  return rows.map(
    ({ what, minutes }) =>
      `The transaction of ${what} has been open for ${plural(Number(minutes), 'minute')}: until it ends, each poll rereads the log from where it began, and the server keeps that log.`,
  );
}
