import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { Json } from '../../../core/json.ts';
import { sleep } from '../../../core/sleep.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { ChangeJoin } from '../../changes.ts';
import type { Session } from '../connection/connection.ts';
import { databaseOf, type MysqlOptions } from '../connection/options.ts';
import { isEachChangeLogged } from '../snapshot/logged.ts';
import { beginAtPosition, type Moment } from '../snapshot/snapshot.ts';
import { isoOf } from './log/commit-time.ts';
import { clockOf, madeAt, presentPlace } from './log/server-log.ts';
import { type LogPosition, parsePosition, positionText } from './position.ts';

/** How long to wait for transactions that were prepared (XA) when the backup began. */
const WAIT_MS = 60 * SECOND_MS;
const LOOK_MS = 50;

/** What a base says of its moment. */
export interface JoinState {
  /** What is in the log before it, the base has. */
  readonly at: LogPosition;
  /** Of the source: how its name is in the log. */
  readonly database: string;
}

/** Where changes begin that a backup may lack: taken before its snapshot. */
export type BaseBegin = { readonly from: LogPosition } | { readonly why: string };

/**
 * Takes a place of the log before the snapshot, and waits for transactions that are prepared then: what they changed is in the
 * log before that place, and their end will be behind it.
 *
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function beginBase(
  session: Session,
  options: MysqlOptions,
  signal: AbortSignal,
): Promise<BaseBegin> {
  try {
    const from = await presentPlace(session, options, signal);
    const left = await waitForPrepared(session, signal);
    if (left.length === 0) return { from };
    return {
      why: `${left.join(', ')}: still prepared (XA RECOVER) after ${WAIT_MS / SECOND_MS} s, neither committed nor rolled back`,
    };
  } catch (error) {
    if (!isHoldfastError(error) || !NOT_READABLE.has(error.code) || !session.isOpen) throw error;
    return { why: error.message };
  }
}

const NOT_READABLE: ReadonlySet<string> = new Set([
  'E_CHANGES_NOT_SET_UP',
  'E_CHANGES_GAP',
  'E_SOURCE_DENIED',
]);

/** @returns those that are still there */
async function waitForPrepared(session: Session, signal: AbortSignal): Promise<readonly string[]> {
  const first = await prepared(session, signal);
  const until = performance.now() + WAIT_MS;
  for (let left = first; ; left = (await prepared(session, signal)).filter((one) => first.includes(one))) {
    if (left.length === 0 || performance.now() > until) return left;
    await sleep(LOOK_MS, signal);
  }
}

/** MySQL tells only those with a right of their own: a replay finds out then what is missing. */
async function prepared(session: Session, signal: AbortSignal): Promise<readonly string[]> {
  const rows = await session.query('XA RECOVER', signal).catch((error: unknown) => {
    if (!session.isOpen) throw error;
    return [];
  });
  return rows.map((row) => `${row['data']} (${row['formatID']})`);
}

/** Where a snapshot is in the log; why if that is not known. @throws E_SOURCE_*, E_ABORTED */
export async function joinOf(
  begin: BaseBegin,
  moment: Moment,
  options: MysqlOptions,
  signal: AbortSignal,
): Promise<{ readonly join: ChangeJoin; readonly position?: string } | { readonly why: string }> {
  if ('why' in begin) return begin;
  const [first] = moment.sessions;
  if (!first) return { why: 'no session reads the backup' };
  const position = moment.rung === 'single' ? await beginExactly(moment, signal) : moment.position;
  const [, file = '', offset] = /^(.+?):(\d+)(?: \(GTID .*\))?$/s.exec(position ?? '') ?? [];
  if (position === undefined || offset === undefined)
    return { why: 'the server does not report where in its binary log a single session began' };
  const place = { file, offset: Number(offset) };
  const at = { ...place, made: await madeAt(options, place, signal) };
  const state: JoinState = { at, database: databaseOf(options) };
  return {
    join: {
      from: positionText(begin.from),
      state: encodeState(state),
      at: isoOf(await clockOf(first, signal)),
    },
    ...(moment.rung === 'single' ? { position } : {}),
  };
}

async function beginExactly({ sessions }: Moment, signal: AbortSignal): Promise<string | undefined> {
  const [session] = sessions;
  if (!session || !(await isEachChangeLogged(session, signal))) return undefined;
  return beginAtPosition(session, signal);
}

function encodeState({ at, database }: JoinState): string {
  return JSON.stringify({ at: positionText(at), database });
}

/** @throws E_USAGE for a text that `joinOf` did not make */
export function decodeState(text: string): JoinState {
  const value = parse(text);
  if (typeof value === 'object' && value !== null && 'at' in value && 'database' in value) {
    const { at, database } = value;
    if (typeof at === 'string' && typeof database === 'string') return { at: parsePosition(at), database };
  }
  throw new HoldfastError(
    'E_USAGE',
    `the backup does not say where in a binary log it is: ${JSON.stringify(text)}`,
  );
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
