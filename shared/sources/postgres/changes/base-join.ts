import type pg from 'pg';
import { sleep } from '../../../core/sleep.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { ChangeJoin, ChangePosition } from '../../changes.ts';
import { disconnect, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { openSession } from '../snapshot/session.ts';
import { momentSql } from './moments.ts';
import { changesName } from './names.ts';
import { formatPlace } from './position.ts';
import { type LogState, readLogState } from './slot.ts';
import { encodeJoinState, widen } from './transaction-ids.ts';

/** A commit is seen a moment after its record is on disk: it has this long for it. */
const SETTLE_MS = SECOND_MS;
/** One that waits for a standby, or for the disk, may take longer. */
const STANDBY_WAIT_MS = 60 * SECOND_MS;
const STEP_MS = 50;
/** The first id that an ordinary transaction can have. */
const FIRST_TRANSACTION = 3;

/** Where the log stood when a base began; or why the stream cannot be joined to it: a sentence. */
export type JoinStart = { readonly from: ChangePosition } | { readonly problem: string };

/**
 * Waits until every transaction whose commit is in the log before now can be seen: a record is written before the transaction
 * becomes visible, and a base that began between the two would lack it, with the stream already past it.
 *
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function startJoin(options: PostgresOptions, signal: AbortSignal): Promise<JoinStart> {
  const name = changesName(options);
  const client = await openSession(options, signal);
  try {
    const state = await readLogState(client, name, signal);
    if (state.isStandby)
      return {
        problem: 'The server is a standby: backups for continuous backup must be read from the primary.',
      };
    if (!state.slot)
      return { problem: `The server has no replication slot ${name}: run holdfast pitr setup.` };
    if (!(await settle(client, { name, inserted: state.inserted }, signal)))
      return {
        problem:
          'Commits have been waiting for a standby or the disk for a minute: changes cannot be applied to this backup.',
      };
    return { from: formatPlace({ ...state.flushed, lsn: state.inserted }) };
  } finally {
    await disconnect(client);
  }
}

/** What the base stores. @param client in the transaction that exported the base's snapshot */
export async function finishJoin(
  client: pg.Client,
  from: ChangePosition,
  signal: AbortSignal,
): Promise<ChangeJoin> {
  const [row] = await query<{ snapshot: string; at: string }>(
    client,
    `SELECT pg_catalog.txid_current_snapshot()::text AS snapshot, ${momentSql('pg_catalog.clock_timestamp()')} AS at`,
    signal,
  );
  return { from, state: encodeJoinState(row?.snapshot ?? ''), at: row?.at ?? '' };
}

interface Running extends pg.QueryResultRow {
  /** Of transactions that ran at the start, the first. */
  readonly isOver: boolean;
  /** Commits wait for a standby, or this login cannot see whether they do. */
  readonly mayWait: boolean;
}

/** @returns whether all that was ending is over */
async function settle(
  client: pg.Client,
  { name, inserted }: Pick<LogState, 'inserted'> & { readonly name: string },
  signal: AbortSignal,
): Promise<boolean> {
  const next = await nextTransaction(client, signal);
  let flushedMs: number | undefined;
  for (let waitedMs = 0; waitedMs < STANDBY_WAIT_MS; waitedMs += STEP_MS) {
    const { isOver, mayWait } = await lookAtRunning(client, next, signal);
    if (isOver) return true;
    if (flushedMs !== undefined && waitedMs - flushedMs >= SETTLE_MS && !mayWait) return true;
    await sleep(STEP_MS, signal);
    const { flushed } = await readLogState(client, name, signal);
    if (flushed.lsn >= inserted) flushedMs ??= waitedMs;
  }
  return false;
}

/**
 * The id that the next transaction gets. Not the snapshot's `xmax`, which is behind the last one that *ended*: those that run may be
 * behind it too. `age` counts from the next one, and takes none.
 */
async function nextTransaction(client: pg.Client, signal: AbortSignal): Promise<bigint> {
  const [row] = await query<{ age: number; xmin: string }>(
    client,
    `SELECT pg_catalog.age('${FIRST_TRANSACTION}'::xid) AS age,
            pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())::text AS xmin`,
    signal,
  );
  return widen((FIRST_TRANSACTION + (row?.age ?? 0)) >>> 0, BigInt(row?.xmin ?? 0));
}

async function lookAtRunning(client: pg.Client, next: bigint, signal: AbortSignal): Promise<Running> {
  const [row] = await query<Running>(
    client,
    `SELECT pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot()) >= $1::bigint AS "isOver",
            current_setting('synchronous_standby_names') <> ''
              AND EXISTS (SELECT FROM pg_catalog.pg_stat_activity a
                           WHERE a.backend_type = 'client backend' AND a.pid <> pg_catalog.pg_backend_pid()
                             AND (a.wait_event = 'SyncRep' OR a.query = '<insufficient privilege>')) AS "mayWait"`,
    signal,
    { values: [String(next)] },
  );
  return { isOver: row?.isOver === true, mayWait: row?.mayWait !== false };
}
