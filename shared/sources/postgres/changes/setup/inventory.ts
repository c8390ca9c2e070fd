import type pg from 'pg';
import { query } from '../../connection/connection.ts';
import { displayName, quoteQualified } from '../../text/identifiers.ts';
import { DDL_SCHEMA } from '../names.ts';

/** A table as somebody who publishes it must know it. */
export interface PublishableTable {
  readonly id: string;
  /** As datasets are named. */
  readonly name: string;
  readonly schema: string;
  readonly table: string;
  /** Quoted, with its schema. */
  readonly place: string;
  /** `r` holds rows, `p` is the parent of partitions. */
  readonly kind: 'r' | 'p';
  /** The topmost parent of a partition. */
  readonly root: string | undefined;
  readonly isUnlogged: boolean;
  /** Why its UPDATEs would fail if it were published: part of a sentence. */
  readonly unsafe: string | undefined;
  readonly isPublished: boolean;
}

interface TableRow extends pg.QueryResultRow {
  readonly id: string;
  readonly schema: string;
  readonly table: string;
  readonly kind: 'r' | 'p';
  readonly root: string | null;
  readonly unlogged: boolean;
  readonly identity: string;
  readonly hasKey: boolean;
  readonly hasIndex: boolean;
  readonly published: boolean;
}

/** Tables of extensions are their extensions' business. */
const TABLES = `
  SELECT c.oid::text AS id, n.nspname AS schema, c.relname AS table, c.relkind AS kind,
         CASE WHEN c.relispartition THEN pg_catalog.pg_partition_root(c.oid)::oid::text END AS root,
         c.relpersistence = 'u' AS unlogged, c.relreplident AS identity,
         EXISTS (SELECT FROM pg_catalog.pg_index i
                  WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid) AS "hasKey",
         EXISTS (SELECT FROM pg_catalog.pg_index i
                  WHERE i.indrelid = c.oid AND i.indisreplident AND i.indisvalid) AS "hasIndex",
         EXISTS (SELECT FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
                  WHERE p.pubname = $1 AND r.prrelid = c.oid) AS published
    FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
   WHERE c.relkind IN ('r', 'p') AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', '${DDL_SCHEMA}')
     AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                      WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
   ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C"`;

/** @throws E_SOURCE_*, E_ABORTED */
export async function listPublishable(
  client: pg.Client,
  publication: string,
  signal: AbortSignal,
): Promise<readonly PublishableTable[]> {
  const rows = await query<TableRow>(client, TABLES, signal, { values: [publication] });
  return rows.map((row) => ({
    id: row.id,
    name: displayName(row.schema, row.table),
    schema: row.schema,
    table: row.table,
    place: quoteQualified(row.schema, row.table),
    kind: row.kind,
    root: row.root ?? undefined,
    isUnlogged: row.unlogged,
    unsafe: unsafety(row),
    isPublished: row.published,
  }));
}

function unsafety({ identity, hasKey, hasIndex }: TableRow): string | undefined {
  if (identity === 'f' || (identity === 'i' && hasIndex) || (identity === 'd' && hasKey)) return undefined;
  if (identity === 'n') return 'REPLICA IDENTITY NOTHING';
  if (identity === 'i') return 'the index of its REPLICA IDENTITY is gone';
  return 'no primary key, or one that is DEFERRABLE';
}

/** What a server lets and keeps one from doing. */
export interface ServerFitness {
  readonly version: number;
  readonly shown: string;
  readonly isStandby: boolean;
  readonly walLevel: string;
  /** In bytes; undefined: there is no limit. */
  readonly keepBytes: number | undefined;
  readonly freeSlots: number;
  /** The login may read slots. */
  readonly mayReplicate: boolean;
  readonly user: string;
  /** The login may make event triggers, as far as it can be known. */
  readonly mayTrigger: boolean;
  /** In milliseconds; undefined: never. */
  readonly idleSlotMs: number | undefined;
  readonly publication: PublicationState | undefined;
}

/** A publication as it is. */
export interface PublicationState {
  readonly isOfAllTables: boolean;
  readonly hasAllChanges: boolean;
  readonly isViaRoot: boolean;
  /** Some of its tables are published in part: rows by a filter, or columns by a list. */
  readonly partial: readonly string[];
}

interface FitnessRow extends pg.QueryResultRow {
  readonly version: string;
  readonly shown: string;
  readonly standby: boolean;
  readonly level: string;
  readonly keep: string | null;
  readonly free: string;
  readonly may: boolean;
  readonly user: string;
  readonly trigger: boolean;
  readonly idle: string | null;
  readonly publication: PublicationState | null;
}

const FITNESS = `
  SELECT current_setting('server_version_num') AS version, pg_catalog.split_part(current_setting('server_version'), ' ', 1) AS shown,
         pg_catalog.pg_is_in_recovery() AS standby, current_setting('wal_level') AS level,
         (SELECT s.setting FROM pg_catalog.pg_settings s WHERE s.name = 'max_slot_wal_keep_size') AS keep,
         (SELECT (s.setting::bigint * CASE s.unit WHEN 'min' THEN 60000 WHEN 's' THEN 1000 ELSE 1 END)::text
            FROM pg_catalog.pg_settings s WHERE s.name = 'idle_replication_slot_timeout') AS idle,
         (current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_catalog.pg_replication_slots))::text AS free,
         (SELECT r.rolsuper OR r.rolreplication FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
           OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_replication'
                         AND pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')) AS may,
         current_user::text AS user,
         (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user)
           OR EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'rds_superuser'
                         AND pg_catalog.pg_has_role(current_user, r.oid, 'USAGE')) AS trigger,
         (SELECT json_build_object('isOfAllTables', p.puballtables,
                   'hasAllChanges', p.pubinsert AND p.pubupdate AND p.pubdelete AND p.pubtruncate,
                   'isViaRoot', p.pubviaroot,
                   'partial', (SELECT coalesce(json_agg(r.prrelid::regclass::text), '[]') FROM pg_catalog.pg_publication_rel r
                                WHERE r.prpubid = p.oid AND (to_jsonb(r) ->> 'prqual' IS NOT NULL
                                   OR to_jsonb(r) ->> 'prattrs' IS NOT NULL)))
            FROM pg_catalog.pg_publication p WHERE p.pubname = $1) AS publication`;

const MIB = 1_048_576;

/** @throws E_SOURCE_*, E_ABORTED */
export async function readFitness(
  client: pg.Client,
  publication: string,
  signal: AbortSignal,
): Promise<ServerFitness> {
  const [row] = await query<FitnessRow>(client, FITNESS, signal, { values: [publication] });
  const keep = Number(row?.keep ?? -1);
  const idle = Number(row?.idle ?? 0);
  return {
    version: Number(row?.version),
    shown: row?.shown ?? '',
    isStandby: row?.standby === true,
    walLevel: row?.level ?? '',
    keepBytes: keep < 0 ? undefined : keep * MIB,
    freeSlots: Number(row?.free),
    mayReplicate: row?.may === true,
    user: row?.user ?? '',
    mayTrigger: row?.trigger === true,
    idleSlotMs: idle > 0 ? idle : undefined,
    publication: row?.publication ?? undefined,
  };
}
