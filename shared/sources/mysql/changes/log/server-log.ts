import { HoldfastError } from '../../../../core/errors.ts';
import type { Session } from '../../connection/connection.ts';
import type { MysqlOptions } from '../../connection/options.ts';
import { binlogStatus } from '../../snapshot/logged.ts';
import type { LogPosition } from '../position.ts';
import { microsOf } from './commit-time.ts';
import { dumpLog } from './dump.ts';
import { TYPE } from './event.ts';

/** The end of the server's log. @throws E_CHANGES_NOT_SET_UP if it has none or the user may not ask; E_SOURCE_* */
export async function presentPlace(
  session: Session,
  options: MysqlOptions,
  signal: AbortSignal,
): Promise<LogPosition> {
  const status = await binlogStatus(session, signal);
  const file = status?.['File'] ?? '';
  if (file === '')
    throw new HoldfastError(
      'E_CHANGES_NOT_SET_UP',
      `${session.server}: the server has no binary log, or this user may not ask for it`,
      {
        hint: 'Run `holdfast pitr setup --print` to see what to change.',
      },
    );
  const place = { file, offset: Number(status?.['Position']) };
  return { ...place, made: await madeAt(options, place, signal) };
}

/** When the server made a file of its log, in seconds of the epoch; the server describes it before what is at the place. @throws E_CHANGES_GAP, E_SOURCE_* */
export async function madeAt(
  options: MysqlOptions,
  place: Pick<LogPosition, 'file' | 'offset'>,
  signal: AbortSignal,
): Promise<number> {
  for await (const event of dumpLog(options, place, signal))
    if (event.type === TYPE.format) return event.timestamp;
  throw new HoldfastError('E_SOURCE_FAILED', `the server does not describe its binary log ${place.file}`);
}

/** The server's, in microseconds of the epoch. */
export async function clockOf(session: Session, signal: AbortSignal): Promise<bigint> {
  const [row] = await session.query<{ now: string }>('SELECT SYSDATE(6) AS now', signal);
  return microsOf(row?.now ?? '') ?? 0n;
}
