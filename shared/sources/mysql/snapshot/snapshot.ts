import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from '../connection/connection.ts';
import { type Grants, isGranted, isGrantedGlobally } from '../connection/grants.ts';
import type { MysqlOptions, SnapshotChoice } from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';

/** How several sessions came to see one moment; said in the manifest. */
export type Rung = 'binlog' | 'flush' | 'lock' | 'single';

export interface Moment {
  readonly rung: Rung;
  /** Sessions that all see the same. */
  readonly sessions: readonly Session[];
  /** Where in the server's history that is, as far as it is known. */
  readonly position: string;
}

interface MomentOptions {
  readonly options: MysqlOptions;
  readonly grants: Grants;
  /** Of tables that `lock` locks for a moment. */
  readonly tables: readonly string[];
  readonly signal: AbortSignal;
}

const START = 'START TRANSACTION WITH CONSISTENT SNAPSHOT';
/** How often sessions begin again until all of them see the same. */
const MOST_TRIES = 50;
/** A session that waits for such a lock holds up all writers, so it gives up soon. */
const LOCK_SECONDS = 5;
const LOCK_FAILED = new Set([1205, 1227, 1044, 1142, 1290, 1235, 1064, 1969, 3024, 3674]);

/**
 * Opens as many sessions as are wanted that see one moment, by the first way that the user's rights and the server allow:
 *
 * 1. `binlog`: sessions that began at the same place of the binary log, which MariaDB and Percona tell. Locks nothing.
 * 2. `flush`: all tables are locked for a moment, by FLUSH TABLES WITH READ LOCK, while the sessions begin.
 * 3. `lock`: the same by LOCK TABLES … READ.
 * 4. `single`: one session.
 *
 * @throws E_SOURCE_*, E_ABORTED; nothing is left open then
 */
export async function openMoment(about: MomentOptions): Promise<Moment> {
  const { options, signal } = about;
  const wanted = options.snapshot === 'single' ? 1 : options.readers;
  const sessions: Session[] = [];
  try {
    for (let i = 0; i < wanted; i++) sessions.push(await openSession(options, signal, { isFirst: i === 0 }));
    return await settle(sessions, about);
  } catch (error) {
    await Promise.all(sessions.map((session) => session.close()));
    throw error;
  }
}

async function settle(sessions: readonly Session[], about: MomentOptions): Promise<Moment> {
  for (const rung of rungsFor(about.options.snapshot)) {
    const position = await RUNGS[rung](sessions, about);
    if (position !== undefined) return { rung, sessions, position };
  }
  const [first, ...others] = sessions;
  if (!first) throw new HoldfastError('E_INTERNAL', 'no session was opened');
  await Promise.all(others.map((session) => session.close()));
  await first.query(START, about.signal);
  return { rung: 'single', sessions: [first], position: await binlogPosition(first, about.signal) };
}

type SharedRung = Exclude<Rung, 'single'>;

/** A chosen way is tried alone, and the last resort. */
function rungsFor(choice: SnapshotChoice): readonly SharedRung[] {
  if (choice === 'auto') return ['binlog', 'flush', 'lock'];
  return choice === 'single' ? [] : [choice];
}

/** Each gives the position, or undefined if it cannot be done here. */
const RUNGS: Readonly<
  Record<SharedRung, (sessions: readonly Session[], about: MomentOptions) => Promise<string | undefined>>
> = {
  binlog: async (sessions, { signal }) => {
    for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
      const positions = await Promise.all(sessions.map((session) => beginAtPosition(session, signal)));
      const [first] = positions;
      if (first === undefined) break;
      if (positions.every((position) => position === first)) return withGtid(sessions[0], first, signal);
    }
    await Promise.all(sessions.map((session) => session.query('ROLLBACK', signal)));
    return undefined;
  },
  flush: async (sessions, about) => {
    if (!isGrantedGlobally(about.grants, 'RELOAD') && !isGrantedGlobally(about.grants, 'FLUSH_TABLES'))
      return undefined;
    return underLock(sessions, about, {
      take: ['FLUSH TABLES WITH READ LOCK'],
      also: 'LOCK INSTANCE FOR BACKUP',
    });
  },
  lock: async (sessions, about) => {
    if (!isGranted(about.grants, 'LOCK TABLES') || about.tables.length === 0) return undefined;
    const list = about.tables.map((name) => `${quoteName(name)} READ`).join(', ');
    return underLock(sessions, about, { take: [`LOCK TABLES ${list}`] });
  },
};

/** Begins, or begins again. Undefined if the server does not say where it is. */
async function beginAtPosition(session: Session, signal: AbortSignal): Promise<string | undefined> {
  await session.query(START, signal);
  const rows = await session.query<{ Variable_name: string; Value: string }>(
    "SHOW STATUS LIKE 'binlog_snapshot_%'",
    signal,
  );
  const value = (name: string) =>
    rows.find((row) => row.Variable_name.toLowerCase() === `binlog_snapshot_${name}`)?.Value ?? '';
  const file = value('file');
  return file === '' ? undefined : `${file}:${value('position')}`;
}

async function withGtid(
  session: Session | undefined,
  position: string,
  signal: AbortSignal,
): Promise<string> {
  if (!session?.isMariaDb) return position;
  const [file = '', offset = '0'] = position.split(':');
  const [row] = await session
    .query<{ gtid: string | null }>(`SELECT BINLOG_GTID_POS('${file}', ${offset}) AS gtid`, signal)
    .catch(() => []);
  return row?.gtid ? `${position} (GTID ${row.gtid})` : position;
}

/** Begins all sessions while another one holds a lock, and lets go of that at once. */
async function underLock(
  sessions: readonly Session[],
  { options, signal }: MomentOptions,
  { take, also }: { readonly take: readonly string[]; readonly also?: string },
): Promise<string | undefined> {
  const holder = await openSession(options, signal, { isFirst: false });
  try {
    await holder.query(`SET SESSION lock_wait_timeout = ${LOCK_SECONDS}`, signal);
    // MySQL 8 has it, and few users the right to it: it keeps tables from being altered meanwhile.
    if (also !== undefined && !holder.isMariaDb) await holder.query(also, signal).catch(passOver(holder));
    for (const sql of take) await holder.query(sql, signal);
    await Promise.all(sessions.map((session) => session.query(START, signal)));
    return await binlogPosition(holder, signal);
  } catch (error) {
    const number = errorNumber(error);
    if (number === undefined || !LOCK_FAILED.has(number) || !holder.isOpen) throw error;
    return undefined;
  } finally {
    // The end of the session is the end of its locks.
    await holder.close();
  }
}

function passOver(session: Session): (error: unknown) => void {
  return (error) => {
    if (!session.isOpen) throw error;
  };
}

/** Of the server now; under a lock, that of the snapshot. Few users may ask. */
async function binlogPosition(session: Session, signal: AbortSignal): Promise<string> {
  for (const sql of ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']) {
    const [row] = await session.query(sql, signal).catch((error: unknown) => {
      if (!session.isOpen) throw error;
      return [];
    });
    if (!row) continue;
    const gtid = row['Executed_Gtid_Set']?.replaceAll(/\s+/g, '');
    return `${row['File']}:${row['Position']}${gtid ? ` (GTID ${gtid})` : ''}`;
  }
  const [row] = await session.query<{ now: string }>('SELECT UTC_TIMESTAMP(6) AS now', signal);
  return `${row?.now} UTC`;
}
