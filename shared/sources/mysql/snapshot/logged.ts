import type { Row, Session } from '../connection/connection.ts';

type Setting = { readonly Variable_name: string; readonly Value: string };

/**
 * Whether each change of data moves the server's place in its binary log, so that two snapshots at one place see the same.
 * Not if a filter keeps databases out of the log, nor if changes arrive from another server and are not logged here. Who may
 * not see the filters (REPLICATION CLIENT) cannot rely on it.
 */
export async function isEachChangeLogged(session: Session, signal: AbortSignal): Promise<boolean> {
  const settings = await session.query<Setting>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('log_bin', 'log_slave_updates', 'log_replica_updates', 'wsrep_on')",
    signal,
  );
  const isOn = (name: string) =>
    settings.some((one) => one.Variable_name.toLowerCase() === name && one.Value.toUpperCase() === 'ON');
  if (!isOn('log_bin')) return false;
  const filters = await binlogStatus(session, signal);
  if (filters?.['Binlog_Do_DB'] !== '' || filters['Binlog_Ignore_DB'] !== '') return false;
  if (isOn('log_slave_updates') || isOn('log_replica_updates')) return true;
  if (isOn('wsrep_on')) return false;
  const running = await session.query<Setting>(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_running', 'Slave_running')",
    signal,
  );
  return running.length > 0 && running.every(({ Value: value }) => value === '0' || value === 'OFF');
}

/** Where the server's binary log is now, and its filters; undefined if there is none, or the user may not ask. */
export async function binlogStatus(session: Session, signal: AbortSignal): Promise<Row | undefined> {
  for (const sql of ['SHOW MASTER STATUS', 'SHOW BINARY LOG STATUS']) {
    const [row] = await session.query(sql, signal).catch((error: unknown) => {
      if (!session.isOpen) throw error;
      return [];
    });
    if (row) return row;
  }
  return undefined;
}
