import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import mysql from 'mysql2/promise';

const run = promisify(execFile);
const READY_MS = 60_000;

export interface MariadbServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Undefined for a server that was there already. */
  readonly socket: string | undefined;
  /** Connection string of a database; of none by default. */
  url(database?: string): string;
  /** A connection of a client that shares no code with Holdfast. */
  connect(database?: string): Promise<mysql.Connection>;
  /** Runs statements. */
  query(database: string | undefined, sql: string): Promise<mysql.RowDataPacket[]>;
  stop(): Promise<void>;
  /** Ends the server as a crash does, and starts it again with its data. */
  crash(): Promise<void>;
}

export interface MariadbServerOptions {
  /** Of mariadbd: `{ 'sql-mode': 'ANSI' }`. An empty value is a flag. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Starts a throw-away server on a free port of 127.0.0.1, its data in a temporary folder. */
export async function startMariadb({ settings = {} }: MariadbServerOptions = {}): Promise<MariadbServer> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-mariadb-'));
  const asRoot = process.getuid?.() === 0 ? ['--user=root'] : [];
  const data = path.join(folder, 'data');
  const socket = path.join(folder, 's.sock');
  const password = randomBytes(12).toString('hex');
  await mkdir(path.join(folder, 'tmp'));
  await cp(await emptyData(), data, { recursive: true });
  const places = [`--datadir=${data}`, `--tmpdir=${path.join(folder, 'tmp')}`];
  const port = await freePort();
  const args = Object.entries({ ...SETTINGS, 'log-bin': path.join(folder, 'binlog'), ...settings });
  const launch = () =>
    spawn(
      'mariadbd',
      [
        '--no-defaults',
        ...asRoot,
        ...places,
        ...SMALL,
        `--socket=${socket}`,
        `--port=${port}`,
        ...args.map(([name, value]) => (value === '' ? `--${name}` : `--${name}=${value}`)),
      ],
      { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
  let server = launch();
  await ready(server, collect(server), () => setUp(socket, password));
  return {
    ...serverAt({ host: '127.0.0.1', port, user: 'admin', password, socket }),
    stop: async () => {
      await end(server);
      await rm(folder, { recursive: true, force: true });
    },
    crash: async () => {
      const gone = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGKILL');
      await gone;
      server = launch();
      await ready(server, collect(server), () => ask(socket, 'SELECT 1'));
    },
  };
}

/** A server that runs already, by a connection string of a user who may do everything there. */
export function existingServer(url: string): MariadbServer {
  const { hostname, port, username, password } = new URL(url);
  return {
    ...serverAt({
      host: hostname,
      port: Number(port || 3306),
      user: decodeURIComponent(username),
      password: decodeURIComponent(password),
      socket: undefined,
    }),
    stop: async () => {},
    crash: () => Promise.reject(new Error('a server that was there already is left alone')),
  };
}

function serverAt(
  at: Pick<MariadbServer, 'host' | 'port' | 'user' | 'password' | 'socket'>,
): Omit<MariadbServer, 'stop' | 'crash'> {
  const { host, port, user, password } = at;
  const connect = (database?: string) =>
    mysql.createConnection({
      host,
      port,
      user,
      password,
      multipleStatements: true,
      charset: 'utf8mb4',
      ...(database !== undefined && { database }),
    });
  return {
    ...at,
    url: (database = '') =>
      `mysql://${user}:${encodeURIComponent(password)}@${host}:${port}/${encodeURIComponent(database)}`,
    connect,
    query: async (database, sql) => {
      const client = await connect(database);
      try {
        const [rows] = await client.query<mysql.RowDataPacket[]>(sql);
        return rows;
      } finally {
        await client.end();
      }
    },
  };
}

const SMALL = ['--innodb-log-file-size=8M', '--innodb-flush-log-at-trx-commit=0'];

/** The data of a server that was never started: made once for each version and kept, as making it takes most of a start. */
async function emptyData(): Promise<string> {
  const { stdout } = await run('mariadbd', ['--no-defaults', '--version']);
  const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
  const kept = path.join(tmpdir(), `holdfast-empty-mariadb-${version}-${process.getuid?.() ?? 0}`);
  if (existsSync(kept)) return kept;
  const made = await mkdtemp(path.join(tmpdir(), 'holdfast-mariadb-made-'));
  await run('mariadb-install-db', [
    '--no-defaults',
    ...(process.getuid?.() === 0 ? ['--user=root'] : []),
    `--datadir=${made}`,
    ...SMALL,
    '--auth-root-authentication-method=normal',
    '--skip-test-db',
    '--skip-name-resolve',
  ]);
  // Another test file may have been faster.
  await rename(made, kept).catch(() => rm(made, { recursive: true }));
  return kept;
}

/** Fast rather than safe: the data is thrown away. */
const SETTINGS = {
  'bind-address': '127.0.0.1',
  'skip-name-resolve': '',
  'innodb-buffer-pool-size': '64M',
  'performance-schema': 'OFF',
  'server-id': '1',
  'binlog-format': 'ROW',
  'sync-binlog': '0',
  'sync-frm': '0',
  'innodb-flush-method': 'nosync',
  'skip-innodb-doublewrite': '',
  'innodb-file-per-table': '0',
  'character-set-server': 'utf8mb4',
  'max-allowed-packet': '64M',
  'innodb-fast-shutdown': '2',
  'log-bin-trust-function-creators': '1',
};

function setUp(socketPath: string, password: string): Promise<void> {
  return ask(
    socketPath,
    `CREATE USER admin@'%' IDENTIFIED BY '${password}'; GRANT ALL ON *.* TO admin@'%' WITH GRANT OPTION; GRANT PROXY ON ''@'%' TO admin@'%' WITH GRANT OPTION`,
  );
}

async function ask(socketPath: string, sql: string): Promise<void> {
  const client = await mysql.createConnection({ socketPath, user: 'root', multipleStatements: true });
  await client.query(sql);
  await client.end();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

function collect(server: ChildProcess): () => string {
  let text = '';
  server.stderr?.on('data', (bytes: Buffer) => {
    text = (text + bytes.toString()).slice(-4000);
  });
  return () => text;
}

async function ready(server: ChildProcess, log: () => string, ask: () => Promise<unknown>): Promise<void> {
  const until = performance.now() + READY_MS;
  for (;;) {
    if (server.exitCode !== null) throw new Error(`MariaDB did not start: ${log()}`);
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > until) throw new Error(`MariaDB does not answer: ${log()}`, { cause: error });
      await delay(20);
    }
  }
}

/** In the ordinary way, then by force. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGTERM');
  const timer = setTimeout(() => server.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
