import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';
import type { ServerVersion } from '../snapshot/session.ts';
import { momentSql } from './moments.ts';
import { type Place, parseLsn } from './position.ts';

/** The slot, and the publication of the same name, of one database. */
export interface SlotState {
  /** Everything before it was released. */
  readonly confirmed: bigint;
  /** From here on the server keeps its log. Undefined if it was lost. */
  readonly restart: bigint | undefined;
  readonly isActive: boolean;
  /** `reserved`, `extended`, `unreserved` or `lost`; before 13 unknown. */
  readonly walStatus: string | undefined;
  /** Why the server gave it up, as it says. */
  readonly invalidated: string | undefined;
  /** ISO with microseconds; since 17, and only while nobody reads. */
  readonly inactiveSince: string | undefined;
  readonly database: string;
  readonly plugin: string;
}

/** A server at one moment. */
export interface LogState {
  readonly version: ServerVersion;
  readonly isStandby: boolean;
  /** By the server's clock, before the positions were read. */
  readonly now: string;
  /** Up to here the log is on disk. The history is the server's. */
  readonly flushed: Place;
  /** Up to here the log is written, in memory at least. */
  readonly inserted: bigint;
  readonly slot: SlotState | undefined;
  readonly hasPublication: boolean;
}

interface StateRow extends pg.QueryResultRow {
  readonly version: string;
  readonly standby: boolean;
  readonly now: string;
  readonly system: string | null;
  readonly timeline: number | null;
  readonly flushed: string;
  readonly inserted: string;
  readonly block: string;
  readonly slot: Readonly<Record<string, string | boolean | null>> | null;
  readonly published: boolean;
}

/** `clock_timestamp` comes first: what was committed by then is before the positions. */
const STATE = `
  WITH clock AS MATERIALIZED (SELECT pg_catalog.clock_timestamp() AS at),
       log AS MATERIALIZED (
         SELECT clock.at, pg_catalog.pg_is_in_recovery() AS standby,
                CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                     ELSE pg_catalog.pg_current_wal_insert_lsn() END AS inserted
           FROM clock WHERE clock.at IS NOT NULL),
       flushed AS MATERIALIZED (
         SELECT log.*, CASE WHEN log.standby THEN log.inserted
                            ELSE pg_catalog.pg_current_wal_flush_lsn() END AS flushed
           FROM log WHERE log.inserted IS NOT NULL)
  SELECT pg_catalog.current_setting('server_version_num') AS version, f.standby,
         ${momentSql('f.at')} AS now, f.flushed::text AS flushed, f.inserted::text AS inserted,
         pg_catalog.current_setting('wal_block_size') AS block,
         (SELECT system_identifier::text FROM pg_catalog.pg_control_system()) AS system,
         CASE WHEN f.standby THEN (SELECT timeline_id FROM pg_catalog.pg_control_checkpoint())
              ELSE ('x' || pg_catalog.left(pg_catalog.pg_walfile_name(f.flushed), 8))::bit(32)::int END AS timeline,
         (SELECT pg_catalog.to_jsonb(s) FROM pg_catalog.pg_replication_slots s WHERE s.slot_name = $1) AS slot,
         EXISTS (SELECT FROM pg_catalog.pg_publication p WHERE p.pubname = $1) AS published
    FROM flushed f`;

/** @throws E_SOURCE_*, E_ABORTED */
export async function readLogState(client: pg.Client, slot: string, signal: AbortSignal): Promise<LogState> {
  const [row] = await query<StateRow>(client, STATE, signal, { values: [slot] });
  if (!row) throw new HoldfastError('E_SOURCE_FAILED', 'the server does not say where its log is');
  return {
    version: Number(row.version),
    isStandby: row.standby,
    now: row.now,
    flushed: { system: row.system ?? '0', timeline: row.timeline ?? 0, lsn: parseLsn(row.flushed) },
    inserted: withoutPageHeader(parseLsn(row.inserted), BigInt(row.block)),
    slot: row.slot ? slotOf(row.slot) : undefined,
    hasPublication: row.published,
  };
}

/** Headers of pages and of files of the log. */
const PAGE_HEADERS = [24n, 40n];

/** Where a page begins, the next record would begin behind its header; what is on disk ends before that. */
function withoutPageHeader(lsn: bigint, pageBytes: bigint): bigint {
  const inPage = lsn % pageBytes;
  return PAGE_HEADERS.includes(inPage) ? lsn - inPage : lsn;
}

function slotOf(row: Readonly<Record<string, string | boolean | null>>): SlotState {
  const text = (name: string) => (typeof row[name] === 'string' ? row[name] : undefined);
  const lsn = (name: string) => {
    const value = text(name);
    return value === undefined ? undefined : parseLsn(value);
  };
  const inactive = text('inactive_since');
  return {
    confirmed: lsn('confirmed_flush_lsn') ?? 0n,
    restart: lsn('restart_lsn'),
    isActive: row['active'] === true,
    walStatus: text('wal_status'),
    invalidated: text('invalidation_reason') ?? (row['conflicting'] === true ? 'conflict' : undefined),
    inactiveSince: inactive === undefined ? undefined : new Date(inactive).toISOString(),
    database: text('database') ?? '',
    plugin: text('plugin') ?? '',
  };
}

/** Why the server can no longer give what the slot was made to keep: part of a sentence. Undefined if it can. */
export function lossOf(slot: SlotState): string | undefined {
  if (slot.invalidated !== undefined) return `the server gave its slot up (${slot.invalidated})`;
  if (slot.walStatus === 'lost' || slot.restart === undefined)
    return 'the server has removed the log that its slot should keep (max_slot_wal_keep_size)';
  return undefined;
}

/** A warning of PostgreSQL 18: a publication was made after a change that it should publish, which is skipped. */
export const PUBLICATION_SKIPPED = '55000';
