import { isRdsHost } from '../../../rds/hosts.ts';
import type { Session } from '../../connection/connection.ts';
import { type Grants, readGrants } from '../../connection/grants.ts';
import { databaseOf, type MysqlOptions } from '../../connection/options.ts';
import { binlogStatus } from '../../snapshot/logged.ts';

/** What a server is like, as far as its binary log is concerned. */
export interface LogFacts {
  readonly isMariaDb: boolean;
  /** Such as 101106. */
  readonly version: number;
  readonly isRds: boolean;
  readonly database: string;
  /** As the server knows it: `` `holdfast`@`%` ``. */
  readonly user: string;
  /** Settings of the server that it knows, by name. */
  readonly settings: ReadonlyMap<string, string>;
  readonly grants: Grants;
  /** Undefined if this user may not ask, or there is no log. */
  readonly status: { readonly file: string; readonly doDb: string; readonly ignoreDb: string } | undefined;
  /** Changes arrive from another server. */
  readonly isReplica: boolean;
  readonly looseTables: readonly string[];
  readonly keylessTables: readonly string[];
}

const SETTINGS = [
  'log_bin',
  'binlog_format',
  'binlog_row_image',
  'binlog_row_metadata',
  'binlog_row_value_options',
  'binlog_checksum',
  'binlog_expire_logs_seconds',
  'expire_logs_days',
  'log_slave_updates',
  'log_replica_updates',
  'wsrep_on',
];

const LOOSE = `
  SELECT TABLE_NAME AS name FROM information_schema.TABLES
   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
     AND ENGINE NOT IN ('InnoDB', 'ROCKSDB', 'TokuDB', 'BLACKHOLE', 'FEDERATED', 'CONNECT', 'MRG_MyISAM', 'SPIDER', 'S3')`;
const KEYLESS = `
  SELECT t.TABLE_NAME AS name FROM information_schema.TABLES t
   WHERE t.TABLE_SCHEMA = DATABASE() AND t.TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')
     AND NOT EXISTS (SELECT 1 FROM information_schema.STATISTICS s
                      WHERE s.TABLE_SCHEMA = t.TABLE_SCHEMA AND s.TABLE_NAME = t.TABLE_NAME AND s.NON_UNIQUE = 0)`;

/** @throws E_SOURCE_* */
export async function readFacts(
  session: Session,
  options: MysqlOptions,
  signal: AbortSignal,
): Promise<LogFacts> {
  const database = databaseOf(options);
  const names = SETTINGS.map((name) => `'${name}'`).join(', ');
  const settings = await session.query<{ Variable_name: string; Value: string }>(
    `SHOW GLOBAL VARIABLES WHERE Variable_name IN (${names})`,
    signal,
  );
  const [user] = await session.query<{ user: string }>('SELECT CURRENT_USER() AS user', signal);
  const status = await binlogStatus(session, signal);
  const running = await session.query<{ Value: string }>(
    "SHOW GLOBAL STATUS WHERE Variable_name IN ('Slaves_running', 'Slave_running')",
    signal,
  );
  const namesOf = async (sql: string) =>
    (await session.query<{ name: string }>(sql, signal)).map(({ name }) => name);
  return {
    isMariaDb: session.isMariaDb,
    version: session.versionNumber,
    isRds: isRdsHost(options.host),
    database,
    user: quotedUser(user?.user ?? ''),
    settings: new Map(settings.map((one) => [one.Variable_name.toLowerCase(), one.Value])),
    grants: await readGrants(session, database, signal),
    status: status && {
      file: status['File'] ?? '',
      doDb: status['Binlog_Do_DB'] ?? '',
      ignoreDb: status['Binlog_Ignore_DB'] ?? '',
    },
    isReplica: running.some(({ Value: value }) => value !== '0' && value !== 'OFF'),
    looseTables: await namesOf(LOOSE),
    keylessTables: await namesOf(KEYLESS),
  };
}

function quotedUser(user: string): string {
  const at = user.lastIndexOf('@');
  const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
  return `${quote(user.slice(0, at))}@${quote(user.slice(at + 1))}`;
}
