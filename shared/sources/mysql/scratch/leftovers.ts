import { isHoldfastError } from '../../../core/errors.ts';
import { DAY_MS } from '../../../core/units.ts';
import { isScratchName, leftoverOf, type ScratchMark } from '../../scratch.ts';
import type { Session } from '../connection/connection.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';

/** A procedure whose comment is the mark: what both products can hang on a database. */
export const MARK = 'holdfast_mark';

export function markSql(database: string, text: string): string {
  return `CREATE PROCEDURE ${quoteName(database)}.${MARK}() COMMENT ${quoteText(text)} SELECT 1`;
}

/** Takes the mark off a database that is to stay: one of a chosen name is left as if nobody had marked it. */
export function keepSql(database: string, isNamed: boolean): string {
  const mark = `PROCEDURE ${quoteName(database)}.${MARK}`;
  return isNamed ? `DROP ${mark}` : `ALTER ${mark} COMMENT 'Holdfast drill, kept on request'`;
}

/** Held by a drill's own session for as long as the drill lives. */
export async function holdLock(session: Session, run: string, signal: AbortSignal): Promise<void> {
  await session.query(`SELECT GET_LOCK(${lockName(run)}, 0)`, signal);
}

function lockName(run: string): string {
  return quoteText(`holdfast_drill_${run}`);
}

/**
 * Drops databases that killed drills of this repository left: those whose name and mark both say so, and whose drill's
 * session is gone. Nothing else is ever dropped.
 */
export async function dropLeftovers(
  session: Session,
  { repository, at }: ScratchMark,
  { onWarning, signal }: { readonly onWarning: (message: string) => void; readonly signal: AbortSignal },
): Promise<void> {
  const found = await session.query<{ name: string; mark: string | null }>(
    `SELECT SCHEMA_NAME AS name, ROUTINE_COMMENT AS mark
       FROM information_schema.SCHEMATA
       LEFT JOIN information_schema.ROUTINES ON ROUTINE_SCHEMA = SCHEMA_NAME AND ROUTINE_NAME = ${quoteText(MARK)}
      WHERE SCHEMA_NAME LIKE 'holdfast\\\\_drill\\\\_%' ORDER BY 1`,
    signal,
  );
  for (const { name, mark } of found) {
    const run = leftoverOf(name, mark ?? '', repository);
    if (run !== undefined) await dropLeftover(session, { name, run }, onWarning, signal);
    else if (isScratchName(name) && mark === null && isOlderThanADay(name, at))
      onWarning(
        `the server has a database ${name} that looks like one of a drill but has no mark: it is left alone`,
      );
  }
}

async function dropLeftover(
  session: Session,
  { name, run }: { readonly name: string; readonly run: string },
  onWarning: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const [lock] = await session.query<{ holder: string | null }>(
    `SELECT IS_USED_LOCK(${lockName(run)}) AS holder`,
    signal,
  );
  if (lock?.holder !== null) return;
  try {
    await session.query(`DROP DATABASE IF EXISTS ${quoteName(name)}`, signal);
    onWarning(`dropped ${name}, which a drill had left that did not end`);
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED' || !session.isOpen) throw error;
    onWarning(`a drill that did not end left ${name}, and it cannot be dropped: ${error.message}`);
  }
}

function isOlderThanADay(name: string, now: Date): boolean {
  const [, d = '', t = ''] = /_(\d{8})t(\d{6})_/.exec(name) ?? [];
  const made = Date.parse(
    `${d.slice(0, 4)}-${d.slice(4, 6)}-${d.slice(6)}T${t.slice(0, 2)}:${t.slice(2, 4)}:${t.slice(4)}Z`,
  );
  return now.getTime() - made > DAY_MS;
}
