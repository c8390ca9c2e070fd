import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import { sleep } from '../../../../core/sleep.ts';
import { query } from '../../connection/connection.ts';

/** Of a slot that somebody reads. */
const IN_USE = '55006';
const MISSING = '42704';
const ATTEMPTS = 20;
const STEP_MS = 250;

/** From here on the server keeps its log. @throws E_SOURCE_*, E_ABORTED */
export async function makeSlot(client: pg.Client, name: string, signal: AbortSignal): Promise<void> {
  await query(client, "SELECT pg_catalog.pg_create_logical_replication_slot($1, 'pgoutput')", signal, {
    values: [name],
  });
}

/**
 * Drops a slot, which must be of this database; one that is gone is no failure.
 *
 * @param options.endReader ends the session of who reads it, if this login may
 * @throws E_CHANGES_BUSY if somebody goes on reading it; E_SOURCE_*, E_ABORTED
 */
export async function dropSlot(
  client: pg.Client,
  name: string,
  { endReader, signal }: { readonly endReader: boolean; readonly signal: AbortSignal },
): Promise<void> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    if (await tryDrop(client, name, signal)) return;
    if (endReader) await endReaderOf(client, name, signal);
    await sleep(STEP_MS, signal);
  }
  throw new HoldfastError('E_CHANGES_BUSY', `the slot ${name} is being read, and cannot be dropped`, {
    hint: 'End the session that reads it: active_pid in pg_replication_slots.',
  });
}

/** @returns false if somebody reads it */
async function tryDrop(client: pg.Client, name: string, signal: AbortSignal): Promise<boolean> {
  try {
    await query(client, 'SELECT pg_catalog.pg_drop_replication_slot($1)', signal, { values: [name] });
    return true;
  } catch (error) {
    const state = isHoldfastError(error) ? error.details['sqlState'] : undefined;
    if (state === IN_USE) return false;
    if (state === MISSING) return true;
    throw error;
  }
}

/** Without the right to it, the reader ends by itself or not. */
async function endReaderOf(client: pg.Client, name: string, signal: AbortSignal): Promise<void> {
  try {
    await query(
      client,
      'SELECT pg_catalog.pg_terminate_backend(active_pid) FROM pg_catalog.pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL',
      signal,
      { values: [name] },
    );
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_DENIED')) throw error;
  }
}
