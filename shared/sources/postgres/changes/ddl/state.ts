import type pg from 'pg';
import { query } from '../../connection/connection.ts';
import { quoteQualified } from '../../text/identifiers.ts';
import { DDL_SCHEMA } from '../names.ts';
import { bodyHash, triggerNames } from './trigger.ts';

/** The event triggers of a source as they are. */
export interface TriggerState {
  /** Something of them is there. */
  readonly isThere: boolean;
  /** Why statements may be missing from the stream: part of a sentence. Undefined if none is. */
  readonly problem: string | undefined;
  /** Differs if they were made again, or switched off and on. */
  readonly by: string;
}

interface StateRow extends pg.QueryResultRow {
  readonly by: string | null;
  readonly triggers: string;
  readonly body: string | null;
  readonly hasKey: boolean;
  readonly mayRead: boolean;
}

const STATE = `
  SELECT (SELECT pg_catalog.string_agg(e.oid::text || '/' || e.xmin::text, ' ' ORDER BY e.evtname)
            FROM pg_catalog.pg_event_trigger e WHERE e.evtname IN ($1, $2))
           || ' ' || (SELECT p.oid::text || '/' || p.xmin::text FROM pg_catalog.pg_proc p WHERE p.oid = f.oid) AS by,
         (SELECT count(*) FROM pg_catalog.pg_event_trigger e
           WHERE e.evtfoid = f.oid AND e.evtenabled = 'A' AND e.evttags IS NULL
             AND (e.evtname = $1 AND e.evtevent = 'ddl_command_end' OR e.evtname = $2 AND e.evtevent = 'sql_drop'))::text AS triggers,
         CASE WHEN f.prosecdef THEN pg_catalog.md5(f.prosrc) END AS body,
         k.oid IS NOT NULL AS "hasKey",
         coalesce(pg_catalog.has_schema_privilege(s.oid, 'USAGE') AND pg_catalog.has_table_privilege(k.oid, 'SELECT'), false) AS "mayRead"
    FROM (SELECT $3::name AS schema, $4::name AS name) o
    LEFT JOIN pg_catalog.pg_namespace s ON s.nspname = o.schema
    LEFT JOIN pg_catalog.pg_proc f ON f.pronamespace = s.oid AND f.proname = o.name AND f.pronargs = 0
    LEFT JOIN pg_catalog.pg_class k ON k.relnamespace = s.oid AND k.relname = o.name AND k.relkind = 'r'`;

/** @param name as `changesName` gives it @throws E_SOURCE_*, E_ABORTED */
export async function readTriggers(
  client: pg.Client,
  name: string,
  signal: AbortSignal,
): Promise<TriggerState> {
  const { made, dropped } = triggerNames(name);
  const [row] = await query<StateRow>(client, STATE, signal, { values: [made, dropped, DDL_SCHEMA, name] });
  const isThere = row !== undefined && (row.body !== null || row.hasKey || row.triggers !== '0');
  return { isThere, problem: problemOf(row, name), by: row?.by ?? '' };
}

function problemOf(row: StateRow | undefined, name: string): string | undefined {
  if (row?.body === undefined || row.body === null) return 'its function is missing';
  if (row.body !== bodyHash(name)) return 'its function is not the one of this release';
  if (row.triggers !== '2') return 'its event triggers are missing or switched off';
  if (!row.hasKey) return 'the key of its messages is missing';
  return row.mayRead ? undefined : 'this login may not read the key of its messages';
}

/** What proves that a message is the trigger's. Undefined if this login may not know. @throws E_SOURCE_*, E_ABORTED */
export async function readTriggerKey(
  client: pg.Client,
  name: string,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  if ((await readTriggers(client, name, signal)).problem !== undefined) return undefined;
  const [row] = await query<{ value: string }>(
    client,
    `SELECT pg_catalog.encode(value, 'hex') AS value FROM ${quoteQualified(DDL_SCHEMA, name)}`,
    signal,
  );
  return row && Buffer.from(row.value, 'hex');
}
