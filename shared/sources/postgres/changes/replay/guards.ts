import type pg from 'pg';
import { isHoldfastError } from '../../../../core/errors.ts';
import { query } from '../../connection/connection.ts';
import { quoteIdent, quoteQualified } from '../../text/identifiers.ts';

/** How the target is kept from doing by itself what the stream does. */
export interface Guards {
  /** To be run when the replay is over, in order. */
  readonly undo: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Makes the session one of a replica: its changes fire no triggers and no foreign keys, which fired in the source already.
 *
 * @returns false if this login may not do that (superusers, `rds_superuser`, and from 15 on whom it was granted to)
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function becomeReplica(client: pg.Client, signal: AbortSignal): Promise<boolean> {
  try {
    await query(client, "SET session_replication_role = 'replica'", signal);
    return true;
  } catch (error) {
    if (isHoldfastError(error) && error.details['sqlState'] === '42501') return false;
    throw error;
  }
}

const USER_TABLE = `JOIN pg_catalog.pg_class c ON c.oid = x.relation
   JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'`;

/** Words of ALTER TABLE by how a trigger or rule is enabled. */
const ENABLE: Readonly<Record<string, string>> = { O: 'ENABLE', A: 'ENABLE ALWAYS', R: 'ENABLE REPLICA' };

interface Guarded extends pg.QueryResultRow {
  readonly schema: string;
  readonly table: string;
  readonly name: string;
  readonly enabled: string;
  readonly kind: 'TRIGGER' | 'RULE';
}

/**
 * Switches off triggers and rules that would fire all the same, and, for a login that cannot be a replica, drops foreign keys: they
 * are made again at the end, which checks every row.
 *
 * @param isReplica as `becomeReplica` says
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function raiseGuards(
  client: pg.Client,
  isReplica: boolean,
  signal: AbortSignal,
): Promise<Guards> {
  const firing = await query<Guarded>(
    client,
    `SELECT n.nspname AS schema, c.relname AS table, x.name, x.enabled, x.kind
       FROM (SELECT tgrelid AS relation, tgname AS name, tgenabled AS enabled, 'TRIGGER' AS kind
               FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
              UNION ALL
             SELECT ev_class, rulename, ev_enabled, 'RULE' FROM pg_catalog.pg_rewrite WHERE rulename <> '_RETURN') x
     ${USER_TABLE} AND x.enabled = ANY ($1)
      ORDER BY c.relkind = 'r', 1, 2, 3`,
    signal,
    { values: [isReplica ? ['A', 'R'] : ['A', 'O']] },
  );
  const undo: string[] = [];
  for (const { schema, table, name, enabled, kind } of firing) {
    const place = `ALTER TABLE ONLY ${quoteQualified(schema, table)}`;
    await query(client, `${place} DISABLE ${kind} ${quoteIdent(name)}`, signal, {
      object: `${schema}.${table}`,
    });
    undo.push(`${place} ${ENABLE[enabled]} ${kind} ${quoteIdent(name)}`);
  }
  return isReplica ? { undo, warnings: [] } : dropForeignKeys(client, undo, signal);
}

async function dropForeignKeys(
  client: pg.Client,
  undo: readonly string[],
  signal: AbortSignal,
): Promise<Guards> {
  const keys = await query<{
    schema: string;
    table: string;
    name: string;
    definition: string;
    only: boolean;
  }>(
    client,
    `SELECT n.nspname AS schema, c.relname AS table, k.conname AS name, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
            c.relkind = 'r' AS only
       FROM (SELECT oid, conrelid AS relation, conname, conparentid FROM pg_catalog.pg_constraint WHERE contype = 'f') k
       JOIN LATERAL (SELECT k.relation) x ON true ${USER_TABLE} AND k.conparentid = 0
      ORDER BY 1, 2, 3`,
    signal,
  );
  const again: string[] = [];
  for (const { schema, table, name, definition, only } of keys) {
    const place = `ALTER TABLE ${only ? 'ONLY ' : ''}${quoteQualified(schema, table)}`;
    await query(client, `${place} DROP CONSTRAINT ${quoteIdent(name)}`, signal, {
      object: `${schema}.${table}`,
    });
    again.push(`${place} ADD CONSTRAINT ${quoteIdent(name)} ${definition}`);
  }
  return { undo: [...again, ...undo], warnings: [] };
}
