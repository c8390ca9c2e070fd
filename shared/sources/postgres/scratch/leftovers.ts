import type pg from 'pg';
import { isHoldfastError } from '../../../core/errors.ts';
import { DAY_MS } from '../../../core/units.ts';
import { isScratchName, leftoverOf, type ScratchMark } from '../../scratch.ts';
import { query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { dropDatabase } from './drop.ts';

/** The first half of a drill's advisory lock: `HFDR`; the second is the start of its run's id. */
const LOCK_CLASS = 0x48464452;

interface LeftoverOptions {
  /** Where `client` is connected. */
  readonly server: PostgresOptions;
  readonly onWarning: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Held by a drill's own session for as long as the drill lives. */
export async function holdLock(client: pg.Client, run: string, signal: AbortSignal): Promise<void> {
  await query(client, 'SELECT pg_catalog.pg_advisory_lock($1, $2)', signal, {
    values: [LOCK_CLASS, lockNumber(run)],
  });
}

/**
 * Drops databases that killed drills of this repository left: those whose name and mark both say so, whose drill's
 * session is gone, and that nobody is connected to. Nothing else is ever dropped.
 */
export async function dropLeftovers(
  client: pg.Client,
  { repository, at }: ScratchMark,
  { server, onWarning, signal }: LeftoverOptions,
): Promise<void> {
  const found = await query<{ name: string; mark: string | null }>(
    client,
    `SELECT datname AS name, pg_catalog.shobj_description(oid, 'pg_database') AS mark
       FROM pg_catalog.pg_database WHERE datname LIKE 'holdfast\\_drill\\_%' ORDER BY 1`,
    signal,
  );
  for (const { name, mark } of found) {
    const run = leftoverOf(name, mark ?? '', repository);
    if (run !== undefined) await dropLeftover(client, name, run, { server, onWarning, signal });
    else if (isScratchName(name) && mark === null && isOlderThanADay(name, at))
      onWarning(
        `the server has a database ${name} that looks like a drill's but has no mark: it is left alone`,
      );
  }
}

async function dropLeftover(
  client: pg.Client,
  name: string,
  run: string,
  { server, onWarning, signal }: LeftoverOptions,
): Promise<void> {
  // Advisory locks of all databases of the server are in this view.
  const [lives] = await query(
    client,
    `SELECT 1 FROM pg_catalog.pg_locks
      WHERE locktype = 'advisory' AND classid = $1::bigint::oid AND objid = $2::bigint::oid AND objsubid = 2`,
    signal,
    { values: [LOCK_CLASS, Number.parseInt(run.slice(0, 8), 16)] },
  );
  if (lives) return;
  try {
    // Not by force: anybody who is connected has a reason.
    const wasThere = await dropDatabase(client, name, { server, force: false, signal });
    if (wasThere) onWarning(`dropped ${name}, which a drill had left that did not end`);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    onWarning(`a drill that did not end left ${name}, and it cannot be dropped: ${error.message}`);
  }
}

function lockNumber(run: string): number {
  return Number.parseInt(run.slice(0, 8), 16) | 0;
}

function isOlderThanADay(name: string, now: Date): boolean {
  const [, d = '', t = ''] = /_(\d{8})t(\d{6})_/.exec(name) ?? [];
  const made = Date.parse(
    `${d.slice(0, 4)}-${d.slice(4, 6)}-${d.slice(6)}T${t.slice(0, 2)}:${t.slice(2, 4)}:${t.slice(4)}Z`,
  );
  return now.getTime() - made > DAY_MS;
}
