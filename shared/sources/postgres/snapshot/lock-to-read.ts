import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';

/** After so long it is worth asking why a lock does not come. */
const LOOK_AFTER_MS = 2_000;
const SHOWN = 10;

/** How long to wait for a lock before looking who is in the way. @returns milliseconds; 0 never comes */
export function firstWaitMs({ lockTimeoutMs }: Pick<PostgresOptions, 'lockTimeoutMs'>): number {
  return lockTimeoutMs === 0 ? LOOK_AFTER_MS : Math.min(LOOK_AFTER_MS, lockTimeoutMs);
}

/** Of `lock_timeout`, and of `statement_timeout`, by which pg_dump limits its wait for locks. */
const TIMEOUTS: readonly unknown[] = ['55P03', '57014'];

/** Whether the server says that a lock did not come in time. */
export function isLockTimeout(error: unknown): boolean {
  return isHoldfastError(error) && TIMEOUTS.includes(error.details['sqlState']);
}

/**
 * Locks a table in a session that reads by a snapshot. The transaction that holds the snapshot has the table locked
 * already. So if somebody asks to truncate or alter it now, they wait for that transaction, and this session would wait
 * for them: all of them to the end of `lockTimeoutMs`. Here the backup gives way.
 *
 * @param place the table, quoted
 * @throws E_SOURCE_CHANGED if somebody waits to change a table, E_SOURCE_FAILED if the lock does not come in time
 */
export async function lockToRead(
  client: pg.Client,
  { place, object }: { readonly place: string; readonly object: string },
  options: PostgresOptions,
  signal: AbortSignal,
): Promise<void> {
  const { lockTimeoutMs } = options;
  const end = lockTimeoutMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + lockTimeoutMs;
  for (;;) {
    try {
      await query(client, `SET LOCAL lock_timeout = ${firstWaitMs(options)}`, signal);
      await query(client, `LOCK TABLE ONLY ${place} IN ACCESS SHARE MODE`, signal, { object });
      return;
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      await query(client, 'ROLLBACK TO SAVEPOINT reading', signal);
      await giveWay(client, signal);
      if (performance.now() >= end) throw error;
    }
  }
}

/** @throws E_SOURCE_CHANGED if somebody waits to truncate or alter a table of this database */
export async function giveWay(client: pg.Client, signal: AbortSignal): Promise<void> {
  const waiting = await query<{ name: string }>(
    client,
    `SELECT DISTINCT l.relation::pg_catalog.regclass::text AS name FROM pg_catalog.pg_locks l
      WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND NOT l.granted AND l.database =
            (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())`,
    signal,
  );
  if (waiting.length === 0) return;
  const names = waiting.slice(0, SHOWN).map(({ name }) => name);
  const more = waiting.length > SHOWN ? ` and ${waiting.length - SHOWN} more` : '';
  throw new HoldfastError(
    'E_SOURCE_CHANGED',
    `somebody waits to truncate or alter ${names.join(', ')}${more}, and this backup is in the way`,
    { hint: 'Run it again when no migration is running.' },
  );
}
