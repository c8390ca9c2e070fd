import { HoldfastError } from '../../../core/errors.ts';
import { NO_BACKUP } from '../../server-checks.ts';
import { isLocal } from '../../server-options.ts';
import { type CheckResult, differs, holds, unknown } from '../../source-checks.ts';
import { checkGrants, isGranted, readGrants } from '../connection/grants.ts';
import { databaseOf } from '../connection/options.ts';
import { serverTitle } from '../connection/server-title.ts';
import { openSession } from '../connection/session-settings.ts';
import { isTransactional, listTables } from '../datasets/tables.ts';
import { readSchema } from '../schema/read.ts';
import { openMoment, type Rung } from '../snapshot/snapshot.ts';
import { ask, askOne, type Look, type MysqlCheck } from './look.ts';

/** A backup looks first with one session, and may lock with another. */
const MORE_SESSIONS = 1;
/** MySQL 5.7, MariaDB 10.3. */
const FIRST_VERSIONS = { mysql: 50_700, mariadb: 100_300 } as const;

const SEEN: Readonly<Record<Rung, string>> = {
  binlog: 'several sessions began at one place of the binary log, without any lock',
  flush: 'several sessions began under FLUSH TABLES WITH READ LOCK, which stopped writers for a moment',
  lock: 'several sessions began under LOCK TABLES … READ, which stopped writers for a moment',
  single: 'one session alone: backups are consistent and not parallel',
};

/** What a session of this user may do, and whether the server does what Holdfast relies on. */
export const SESSION: readonly MysqlCheck[] = [
  {
    name: 'login',
    assumes: 'The server lets this user in.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'route',
    slow: { code: 'E_SOURCE_UNREACHABLE', fix: 'See in the log of the server what keeps it from answering.' },
    look: async (look, signal) => {
      look.session = await openSession(look.options, signal);
      return holds(`as ${await askOne(look, 'SELECT CURRENT_USER()', signal)}`);
    },
  },
  {
    name: 'tls',
    assumes: 'The connection is encrypted, and the server has proved who it is.',
    neededFor: 'backup',
    follows: 'Others on the network could read along, or answer in its place.',
    needs: 'login',
    look: async (look, signal) => {
      const [row] = await ask(look, "SHOW SESSION STATUS LIKE 'Ssl_cipher'", signal);
      const isEncrypted = (row?.['Value'] ?? '') !== '';
      const { host, tls } = look.options;
      if (tls.mode === 'verify-full' || tls.mode === 'verify-ca') return holds('its certificate was checked');
      if (isLocal(host))
        return holds(isEncrypted ? 'encrypted, within this machine' : 'not encrypted, within this machine');
      return differs(
        isEncrypted ? 'encrypted, and the certificate is not checked' : 'the connection is not encrypted',
        {
          fix: 'Set tls=verify-full.',
          isMinor: true,
          code: 'E_SOURCE_UNTRUSTED',
        },
      );
    },
  },
  {
    name: 'version',
    assumes: 'The server is of a version that can be backed up.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'login',
    look: async ({ session }, signal) => {
      if (!session) return unknown('there is no session');
      const title = await serverTitle(session, signal);
      const first = session.isMariaDb ? FIRST_VERSIONS.mariadb : FIRST_VERSIONS.mysql;
      if (session.versionNumber >= first) return holds(title);
      return differs(`${title} is older than MySQL 5.7 and MariaDB 10.3`, {
        code: 'E_SOURCE_UNSUPPORTED',
        fix: 'Upgrade the server.',
      });
    },
  },
  {
    name: 'exact',
    assumes:
      'Values come as they are stored: bytes in the character set of their column, all digits, and times in UTC.',
    neededFor: 'backup',
    follows: 'A backup could hold something else than the database.',
    needs: 'login',
    look: checkExactness,
  },
  {
    name: 'connections',
    assumes: 'As many connections are left as a backup takes.',
    neededFor: 'backup',
    follows: 'Backups fail while there are too few.',
    needs: 'login',
    look: countConnections,
  },
  {
    name: 'rights',
    onlyFor: 'backup',
    assumes: 'This user may see and read everything that the database holds.',
    neededFor: 'backup',
    follows: NO_BACKUP,
    needs: 'login',
    look: async ({ options, session }, signal) => {
      if (!session) return unknown('there is no session');
      const database = databaseOf(options);
      checkGrants(await readGrants(session, database, signal), database);
      const tables = await listTables(session, signal);
      const objects = await readSchema(
        session,
        tables.map(({ name }) => name),
        signal,
      );
      const loose = tables.filter((table) => !isTransactional(table)).length;
      return holds(
        `${tables.length} tables${loose > 0 ? ` (${loose} of engines without snapshots)` : ''}, ${objects.length - tables.length - 1} other objects`,
      );
    },
  },
  {
    name: 'snapshot',
    onlyFor: 'backup',
    assumes: 'Several sessions can read the same moment.',
    neededFor: 'saving',
    follows: 'Backups read by one session.',
    needs: 'rights',
    look: lookForMoment,
  },
  {
    name: 'create',
    onlyFor: 'restore',
    assumes: 'This user may make tables and all else in the database.',
    neededFor: 'restore',
    follows: 'Nothing can be restored into it.',
    needs: 'login',
    look: (look, signal) =>
      may(
        look,
        ['CREATE', 'INSERT', 'DROP', 'ALTER', 'CREATE VIEW', 'CREATE ROUTINE', 'TRIGGER', 'EVENT'],
        signal,
      ),
  },
  {
    name: 'create-database',
    onlyFor: 'drill',
    assumes: 'This user may make databases, which drills drop again.',
    neededFor: 'restore',
    follows: 'No drill can be made there.',
    needs: 'login',
    look: (look, signal) => may(look, ['CREATE', 'DROP', 'INSERT', 'CREATE ROUTINE'], signal),
  },
];

const DRILL_NAME = 'holdfast_drill_';

async function may(
  { options, session }: Look,
  rights: readonly string[],
  signal: AbortSignal,
): Promise<CheckResult> {
  if (!session) return unknown('there is no session');
  const { database = DRILL_NAME } = options;
  const grants = await readGrants(session, database, signal);
  const missing = rights.filter((right) => !isGranted(grants, right));
  if (missing.length === 0) return holds('it may');
  return differs(`the user lacks ${missing.join(', ')}`, {
    code: 'E_SOURCE_DENIED',
    fix:
      options.database === undefined
        ? 'GRANT ALL ON `holdfast\\_drill\\_%`.* TO the user, on the server of drills.'
        : 'GRANT ALL ON the database to the user.',
  });
}

/** Each of these has come out otherwise on some server or in some setting. */
async function checkExactness(look: Look, signal: AbortSignal): Promise<CheckResult> {
  const wrong: string[] = [];
  const expect = async (what: string, sql: string, wanted: string) => {
    const got = await askOne(look, sql, signal);
    if (got !== wanted) wrong.push(`${what}: ${JSON.stringify(got)}, not ${JSON.stringify(wanted)}`);
  };
  await expect('time zone', 'SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())', '00:00:00');
  await expect('character set of results', 'SELECT @@character_set_results IS NULL', '1');
  await expect('bytes', 'SELECT HEX(CONVERT(_latin1 0xE9 USING latin1))', 'E9');
  await expect('digits', 'SELECT 0.1e0 * 1e0', '0.1');
  await expect('all digits', 'SELECT 0.30000000000000004e0 * 1e0', '0.30000000000000004');
  await expect(
    'isolation',
    `SELECT @@${look.session?.isMariaDb && (look.session?.versionNumber ?? 0) < 110_000 ? 'tx' : 'transaction'}_isolation`,
    'REPEATABLE-READ',
  );
  await expect('sql_mode', 'SELECT @@sql_mode', '');
  if (wrong.length === 0) return holds('time zone, character set, digits, isolation and sql_mode are as set');
  return differs(wrong.join('; '), {
    code: 'E_SOURCE_UNSUPPORTED',
    fix: 'A proxy may change settings of sessions: connect to the server itself.',
  });
}

async function countConnections(look: Look, signal: AbortSignal): Promise<CheckResult> {
  const most = Number(await askOne(look, 'SELECT @@max_connections', signal));
  const [row] = await ask(look, "SHOW GLOBAL STATUS LIKE 'Threads_connected'", signal);
  const left = most - Number(row?.['Value'] ?? 0);
  const needed = look.options.readers + MORE_SESSIONS;
  const seen = `${left} are left of max_connections ${most}; a backup takes up to ${needed}`;
  if (left >= needed) return holds(seen);
  return differs(seen, {
    code: 'E_SOURCE_UNREACHABLE',
    fix: 'End sessions that nobody needs, raise the limit, or give the source fewer `readers`.',
  });
}

async function lookForMoment({ options, session }: Look, signal: AbortSignal): Promise<CheckResult> {
  if (!session) throw new HoldfastError('E_INTERNAL', 'there is no session');
  const grants = await readGrants(session, databaseOf(options), signal);
  const tables = (await listTables(session, signal)).map(({ name }) => name);
  const moment = await openMoment({ options, grants, tables, signal });
  await Promise.all(moment.sessions.map((one) => one.close()));
  if (moment.rung !== 'single' || options.readers === 1) return holds(SEEN[moment.rung]);
  return differs(SEEN.single, {
    isMinor: true,
    fix: 'MariaDB: turn the binary log on (log_bin). MySQL: GRANT RELOAD ON *.*, or LOCK TABLES on the database.',
  });
}
