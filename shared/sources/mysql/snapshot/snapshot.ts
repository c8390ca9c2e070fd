import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from '../connection/connection.ts';
import { type Grants, isGranted, isGrantedGlobally } from '../connection/grants.ts';
import type { MysqlOptions, SnapshotChoice } from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';
import { binlogStatus, isEachChangeLogged } from './logged.ts';

/** How several sessions came to see one moment; said in the manifest. */
export type Rung = 'binlog' | 'flush' | 'lock' | 'single';

export interface Moment {
  readonly rung: Rung;
  /** Sessions that all see the same. */
  readonly sessions: readonly Session[];
  /** Where in the server's history that is, as far as it is known. */
  readonly position: string;
}

export interface MomentOptions {
  readonly options: MysqlOptions;
  readonly grants: Grants;
  /** Of tables that `lock` locks for a moment. */
  readonly tables: readonly string[];
  readonly signal: AbortSignal;
}

export const START = 'START TRANSACTION WITH CONSISTENT SNAPSHOT';
/** How often sessions begin again until all of them see the same. */
const MOST_TRIES = 50;
/** A session that waits for such a lock holds up all writers, so it gives up soon. */
const LOCK_SECONDS = 5;
const LOCK_FAILED = new Set([1205, 1227, 1044, 1142, 1290, 1235, 1064, 1969, 3024, 3674]);

/**
 * Opens as many sessions as are wanted that see one moment, by the first way that the user's rights and the server allow:
 *
 * 1. `binlog`: sessions that began at the same place of the binary log, which MariaDB and Percona tell, if each change of
 *    data is logged. Locks nothing.
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

export type SharedRung = Exclude<Rung, 'single'>;

/** A chosen way is tried alone, and the last resort. */
export function rungsFor(choice: SnapshotChoice): readonly SharedRung[] {
  if (choice === 'auto') return ['binlog', 'flush', 'lock'];
  return choice === 'single' ? [] : [choice];
}

/** Each gives the position, or undefined if it cannot be done here. */
const RUNGS: Readonly<
  Record<SharedRung, (sessions: readonly Session[], about: MomentOptions) => Promise<string | undefined>>
> = {
  binlog: async (sessions, { signal }) => {
    const [asking] = sessions;
    if (!asking || !(await isEachChangeLogged(asking, signal))) return undefined;
    for (let attempt = 1; attempt <= MOST_TRIES; attempt++) {
      const positions = await Promise.all(sessions.map((session) => beginAtPosition(session, signal)));
      const [first] = positions;
      if (first === undefined) break;
      if (!positions.every((position) => position === first)) continue;
      // Had a replica begun to apply changes meanwhile, the places would say nothing.
      return (await isEachChangeLogged(asking, signal)) ? withGtid(asking, first, signal) : undefined;
    }
    await Promise.all(sessions.map((session) => session.query('ROLLBACK', signal)));
    return undefined;
  },
  flush: (sessions, about) => underLock(sessions, about, 'flush'),
  lock: (sessions, about) => underLock(sessions, about, 'lock'),
};

/** The statement that locks all tables, undefined if the user may not. */
export function lockSql(
  rung: 'flush' | 'lock',
  { grants, tables }: Pick<MomentOptions, 'grants' | 'tables'>,
): string | undefined {
  if (rung === 'flush')
    return isGrantedGlobally(grants, 'RELOAD') || isGrantedGlobally(grants, 'FLUSH_TABLES')
      ? 'FLUSH TABLES WITH READ LOCK'
      : undefined;
  if (!isGranted(grants, 'LOCK TABLES') || tables.length === 0) return undefined;
  return `LOCK TABLES ${tables.map((name) => `${quoteName(name)} READ`).join(', ')}`;
}

/** Begins, or begins again. Undefined if the server does not say where it is. */
export async function beginAtPosition(session: Session, signal: AbortSignal): Promise<string | undefined> {
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

export async function withGtid(session: Session, position: string, signal: AbortSignal): Promise<string> {
  if (!session.isMariaDb) return position;
  const [file = '', offset = '0'] = position.split(':');
  const [row] = await session
    .query<{ gtid: string | null }>(`SELECT BINLOG_GTID_POS('${file}', ${offset}) AS gtid`, signal)
    .catch(() => []);
  return row?.gtid ? `${position} (GTID ${row.gtid})` : position;
}

/** Begins all sessions while another one holds a lock, and lets go of that at once. */
function underLock(
  sessions: readonly Session[],
  about: MomentOptions,
  rung: 'flush' | 'lock',
): Promise<string | undefined> {
  return whileLocked(rung, about, async (holder) => {
    await Promise.all(sessions.map((session) => session.query(START, about.signal)));
    return binlogPosition(holder, about.signal);
  });
}

/**
 * Does something while a session of its own, which it gets, holds a lock on all tables, and lets go of that at once.
 *
 * @returns undefined if the user or the server does not allow it, or the lock is not to be had soon
 */
export async function whileLocked<T>(
  rung: 'flush' | 'lock',
  about: MomentOptions,
  work: (holder: Session) => Promise<T | undefined>,
): Promise<T | undefined> {
  const { options, signal } = about;
  const sql = lockSql(rung, about);
  if (sql === undefined) return undefined;
  const holder = await openSession(options, signal, { isFirst: false });
  try {
    await holder.query(`SET SESSION lock_wait_timeout = ${LOCK_SECONDS}`, signal);
    // MySQL 8 has it, and few users the right to it: it keeps tables from being altered meanwhile.
    if (rung === 'flush' && !holder.isMariaDb)
      await holder.query('LOCK INSTANCE FOR BACKUP', signal).catch(passOver(holder));
    await holder.query(sql, signal);
    return await work(holder);
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
export async function binlogPosition(session: Session, signal: AbortSignal): Promise<string> {
  const status = await binlogStatus(session, signal);
  if (status) {
    const gtid = status['Executed_Gtid_Set']?.replaceAll(/\s+/g, '');
    return `${status['File']}:${status['Position']}${gtid ? ` (GTID ${gtid})` : ''}`;
  }
  const [row] = await session.query<{ now: string }>('SELECT UTC_TIMESTAMP(6) AS now', signal);
  return `${row?.now} UTC`;
}
