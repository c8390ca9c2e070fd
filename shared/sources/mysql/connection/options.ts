import { HoldfastError } from '../../../core/errors.ts';
import { MiB, SECOND_MS } from '../../../core/units.ts';
import { parseConnectionString, type UrlSettings } from '../../connection-string.ts';
import { isRdsHost } from '../../rds/hosts.ts';
import { iamToken } from '../../rds/token.ts';
import { checkKnown, choice, integer, isLocal, serverName } from '../../server-options.ts';
import { MYSQL_OPTIONS, SNAPSHOT_CHOICES, TLS_MODES } from '../config.ts';
import { passwordOfFile } from './options-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;
export type AdapterOptions = Readonly<Record<string, string | number | boolean>>;

export type TlsMode = (typeof TLS_MODES)[number];

export interface TlsOptions {
  readonly mode: TlsMode;
  /** PEM bundle. Undefined: for RDS its own authorities, else those that Node.js trusts; `system`: always those. */
  readonly caFile: string | undefined;
}

/** Where and how to connect. Holds no secret itself: `password` fetches it for each connection. */
export interface MysqlOptions {
  /** A host name, an address, or the path of a Unix socket (starts with `/`). */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Undefined: none is chosen yet. */
  readonly database: string | undefined;
  readonly tls: TlsOptions;
  readonly password: () => Promise<string>;
  readonly connectTimeoutMs: number;
  /** How long to wait for a table that somebody else has locked. */
  readonly lockTimeoutSeconds: number;
  /** Sessions that read or write rows at once. */
  readonly readers: number;
  /** Bytes of a table that one partition has, by the server's statistics. */
  readonly partitionBytes: number;
  /** Which ways to read one moment are tried, from the first on; for tests and for servers with habits of their own. */
  readonly snapshot: SnapshotChoice;
  /** Backups hold the users of the server, with what they may do and the hashes of their passwords. */
  readonly hasUsers: boolean;
}

export type SnapshotChoice = (typeof SNAPSHOT_CHOICES)[number];

const CONNECTION_STRINGS = {
  schemes: ['mysql', 'mariadb'],
  database: 'database',
  allowed: ['tls', 'caFile', 'connectTimeout', 'socket'],
} as const;
const DEFAULT_PORT = 3306;
const DEFAULT_PARTITION_MIB = 256;

/**
 * Reads a connection string, the adapter's options and the environment (`MYSQL_PWD`). An option goes before the connection string, that before
 * the environment.
 *
 * @param url `mysql://USER:PASSWORD@HOST:PORT/DATABASE`, or `mariadb://…`
 * @throws E_CONFIG listing every problem; no value that may be secret is in the message
 */
export function parseMysqlOptions(url: string, options: AdapterOptions, env: Environment): MysqlOptions {
  const problems: string[] = [];
  const fromUrl = parseConnectionString(url, CONNECTION_STRINGS, problems);
  checkKnown(options, MYSQL_OPTIONS, problems);
  const get = (name: string): string | undefined => {
    const value = options[name] ?? fromUrl.get(name);
    return value === undefined || value === '' ? undefined : String(value);
  };
  const host = get('socket') ?? get('host') ?? 'localhost';
  const user = get('user') ?? env['USER'] ?? env['LOGNAME'] ?? '';
  if (user === '') problems.push('no user is given: write mysql://user@host/database');
  const result: MysqlOptions = {
    host,
    port: integer(get('port') ?? DEFAULT_PORT, 'port', [1, 65_535], problems),
    user,
    database: get('database'),
    ...readSecurity({ host, user, get, fromUrl }, env, problems),
    connectTimeoutMs: integer(get('connectTimeout') ?? 30, 'connectTimeout', [1, 3600], problems) * SECOND_MS,
    lockTimeoutSeconds: integer(
      get('lockTimeoutSeconds') ?? 300,
      'lockTimeoutSeconds',
      [1, 86_400],
      problems,
    ),
    readers: integer(get('readers') ?? 4, 'readers', [1, 64], problems),
    partitionBytes:
      MiB * integer(get('partitionMiB') ?? DEFAULT_PARTITION_MIB, 'partitionMiB', [1, 65_536], problems),
    snapshot: choice(get('snapshot') ?? 'auto', 'snapshot', SNAPSHOT_CHOICES, problems),
    hasUsers: options['users'] === true,
  };
  if (problems.length > 0)
    throw new HoldfastError('E_CONFIG', `the MySQL settings are wrong: ${problems.join('; ')}`, {
      hint: 'See docs/reference/mysql.md for the connection settings.',
      details: { problems: problems.length },
    });
  return Object.freeze(result);
}

/** The database that is backed up or restored into. @throws E_CONFIG if the connection string names none */
export function databaseOf({ database }: Pick<MysqlOptions, 'database'>): string {
  if (database !== undefined) return database;
  throw new HoldfastError('E_CONFIG', 'the connection string names no database', {
    hint: 'Write mysql://user@host/database.',
  });
}

/** What messages and manifests call the database: `mysql://db.example:3306/shop`. No user, no secret. */
export function mysqlName(options: Pick<MysqlOptions, 'host' | 'port' | 'database'>): string {
  return serverName('mysql', options);
}

interface Given {
  readonly host: string;
  readonly user: string;
  readonly get: (name: string) => string | undefined;
  readonly fromUrl: UrlSettings;
}

/** The default never sends data over a network to a server that has yet to show who it is. */
function readSecurity(
  given: Given,
  env: Environment,
  problems: string[],
): Pick<MysqlOptions, 'tls' | 'password'> {
  const { host, get } = given;
  const isIam = choice(get('auth') ?? 'password', 'auth', ['password', 'iam'], problems) === 'iam';
  const byDefault = isLocal(host) && !isIam ? 'prefer' : 'verify-full';
  const mode = choice(get('tls') ?? byDefault, 'tls', TLS_MODES, problems);
  const tls = { mode, caFile: get('caFile') };
  if (mode === 'verify-ca' && (tls.caFile ?? (isRdsHost(host) ? 'rds' : 'system')) === 'system')
    problems.push("tls 'verify-ca' needs caFile, the authority's certificates; or use 'verify-full'");
  if (!isIam) return { tls, password: storedPassword(given, env) };
  if (mode === 'disable' || mode === 'prefer')
    problems.push(`auth 'iam' needs TLS: tls is '${mode}', use 'verify-full'`);
  const region = get('region') ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (region === undefined) problems.push("auth 'iam' needs a region: set region or AWS_REGION");
  const port = Number(get('port') ?? DEFAULT_PORT);
  return { tls, password: () => iamToken({ host, port, user: given.user, region: String(region) }) };
}

/** Of the connection string, the environment, or the options file; empty if there is none. */
function storedPassword({ get, fromUrl }: Given, env: Environment): () => Promise<string> {
  const home = env['HOME'];
  const file = get('optionsFile') ?? (home === undefined ? undefined : `${home}/.my.cnf`);
  const given = fromUrl.get('password') ?? env['MYSQL_PWD'];
  return async () => given ?? (file === undefined ? undefined : await passwordOfFile(file)) ?? '';
}
