import type { Session } from '../../connection/connection.ts';

/** MariaDB's, on by default; MySQL's. */
const SETTINGS = ['binlog_annotate_row_events', 'binlog_rows_query_log_events'];

/**
 * Asks the server not to write texts of statements into its own log: a statement that applies many of the stream would stand there,
 * whole, for each of them.
 *
 * @returns whether it does so all the same, as this user may not change that
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function isAnnotating(session: Session, signal: AbortSignal): Promise<boolean> {
  const settings = await session.query<{ Variable_name: string }>(
    `SHOW SESSION VARIABLES WHERE Variable_name IN (${[...SETTINGS, 'log_bin'].map((name) => `'${name}'`).join(', ')}) AND Value = 'ON'`,
    signal,
  );
  const names = settings.map(({ Variable_name: name }) => name);
  let isOn = false;
  for (const name of names.filter((one) => SETTINGS.includes(one)))
    await session.query(`SET SESSION ${name} = 0`, signal).catch((error: unknown) => {
      if (!session.isOpen) throw error;
      isOn = true;
    });
  return isOn && names.includes('log_bin');
}
