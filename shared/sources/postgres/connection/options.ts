import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import { parseConnectionString, type UrlSettings } from '../../connection-string.ts';
import { isRdsHost } from '../../rds/hosts.ts';
import { checkKnown, choice, integer, isLocal, serverName } from '../../server-options.ts';
import { POSTGRES_OPTIONS, SLOT_NAME } from '../config.ts';
import { PAGES_PER_PARTITION } from '../datasets/partitions.ts';
import { iamPassword, type PasswordSource, storedPassword } from './password.ts';

/** Variables that PostgreSQL's own programs go by. */
export type Environment = Readonly<Record<string, string | undefined>>;
/** `options` of a source in the configuration. */
export type AdapterOptions = Readonly<Record<string, string | number | boolean>>;

/** How strictly a server must prove who it is, as libpq has it. */
export const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
/** One of these. */
export type SslMode = (typeof SSL_MODES)[number];

/** How a connection is encrypted. */
export interface TlsOptions {
  readonly mode: SslMode;
  /** PEM bundle. Undefined: for RDS its own authorities, else those that Node.js trusts; `system`: always those. */
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

/** Where and how to connect. Holds no secret itself: `password` fetches it when the server asks. */
export interface PostgresOptions {
  /** A host name, an address, or the folder of a Unix socket (starts with `/`). */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly tls: TlsOptions;
  readonly password: PasswordSource;
  readonly channelBinding: boolean;
  readonly applicationName: string;
  /** Sent to the server when a session starts, such as `-c statement_timeout=0`. */
  readonly startupOptions: string | undefined;
  readonly connectTimeoutMs: number;
  /** How long to wait for a table that somebody else has locked. 0 waits for ever. */
  readonly lockTimeoutMs: number;
  /** Connections that read or write rows at once. */
  readonly readers: number;
  /** Pages of 8 KiB that a partition of a table has. */
  readonly pagesPerPartition: number;
  /** Whether the hashes of roles' passwords are backed up. */
  readonly rolePasswords: boolean;
  /** Name of the replication slot and of the publication of continuous backup. @default see changesName */
  readonly slot?: string | undefined;
  /** Settings of each session, beside those that it always has. */
  readonly settings?: Readonly<Record<string, string>>;
}

const PAGES_PER_MIB = 128;

/** Each setting by its libpq name: the adapter option and the environment variable that may give it. */
const SETTINGS = {
  host: { env: 'PGHOST' },
  port: { env: 'PGPORT' },
  user: { env: 'PGUSER' },
  password: { env: 'PGPASSWORD' },
  dbname: { env: 'PGDATABASE' },
  passfile: { env: 'PGPASSFILE' },
  sslmode: { env: 'PGSSLMODE', option: 'tls' },
  sslrootcert: { env: 'PGSSLROOTCERT', option: 'caFile' },
  sslcert: { env: 'PGSSLCERT' },
  sslkey: { env: 'PGSSLKEY' },
  channel_binding: { env: 'PGCHANNELBINDING' },
  application_name: { env: 'PGAPPNAME' },
  options: { env: 'PGOPTIONS' },
  connect_timeout: { env: 'PGCONNECT_TIMEOUT' },
} as const satisfies Record<string, { env: string; option?: string }>;
type Setting = keyof typeof SETTINGS;

/**
 * Reads a connection string, the adapter's options and the PG* variables. An option goes before the
 * connection string, that before the environment.
 *
 * @param url `postgres://…` or `postgresql://…`; may be just `postgres://` when the environment says it all
 * @throws E_CONFIG listing every problem; no value that may be secret is in the message
 */
export function parsePostgresOptions(
  url: string,
  options: AdapterOptions,
  env: Environment,
): PostgresOptions {
  const problems: string[] = [];
  const fromUrl = parseConnectionString(
    url,
    {
      schemes: ['postgres', 'postgresql'],
      database: 'dbname',
      allowed: Object.keys(SETTINGS),
      mayLackHost: true,
    },
    problems,
  );
  checkKnown(options, POSTGRES_OPTIONS, problems);
  const get = settingReader(fromUrl, options, env);

  const result: PostgresOptions = {
    ...readPlace(get, env, problems),
    ...readSecurity(get, options, env, problems),
    applicationName: get('application_name') ?? 'holdfast',
    startupOptions: get('options'),
    connectTimeoutMs:
      integer(get('connect_timeout') ?? '30', 'connect_timeout', [0, 3600], problems) * SECOND_MS,
    lockTimeoutMs:
      integer(options['lockTimeoutSeconds'] ?? 300, 'lockTimeoutSeconds', [0, 86_400], problems) * SECOND_MS,
    rolePasswords: options['rolePasswords'] === true || options['rolePasswords'] === 'true',
    slot: slotName(options['slot'], problems),
    readers: integer(options['readers'] ?? 4, 'readers', [1, 64], problems),
    pagesPerPartition:
      options['partitionMiB'] === undefined
        ? PAGES_PER_PARTITION
        : PAGES_PER_MIB * integer(options['partitionMiB'], 'partitionMiB', [1, 65_536], problems),
  };
  if (problems.length > 0)
    throw new HoldfastError('E_CONFIG', `the PostgreSQL settings are wrong: ${problems.join('; ')}`, {
      hint: 'See docs/reference/postgres.md for the connection settings.',
      details: { problems: problems.length },
    });
  return Object.freeze(result);
}

function slotName(value: AdapterOptions[string] | undefined, problems: string[]): string | undefined {
  if (value === undefined || value === '') return undefined;
  if (!SLOT_NAME.test(String(value)))
    problems.push(`slot '${value}' is not a name of a slot: up to 63 of a-z, 0-9 and _`);
  return String(value);
}

/** What messages and manifests call the database: `postgres://db.example:5432/shop`. No user, no secret. */
export function postgresName(options: Pick<PostgresOptions, 'host' | 'port' | 'database'>): string {
  return serverName('postgres', options);
}

type Get = (name: Setting) => string | undefined;

function settingReader(fromUrl: UrlSettings, options: AdapterOptions, env: Environment): Get {
  return (name) => {
    const row: { env: string; option?: string } = SETTINGS[name];
    const option = row.option === undefined ? undefined : options[row.option];
    const value = option ?? fromUrl.get(name) ?? env[row.env];
    return value === undefined || value === '' ? undefined : String(value);
  };
}

function readPlace(
  get: Get,
  env: Environment,
  problems: string[],
): Pick<PostgresOptions, 'host' | 'port' | 'user' | 'database'> {
  const host = get('host') ?? 'localhost';
  if (host.includes(',')) problems.push('several hosts are not supported; name one');
  const user = get('user') ?? env['USER'] ?? env['LOGNAME'] ?? '';
  if (user === '') problems.push('no user is given: write postgres://user@host/database or set PGUSER');
  const port = integer(get('port') ?? '5432', 'port', [1, 65_535], problems);
  return { host, port, user, database: get('dbname') ?? user };
}

function readSecurity(
  get: Get,
  options: AdapterOptions,
  env: Environment,
  problems: string[],
): Pick<PostgresOptions, 'tls' | 'password' | 'channelBinding'> {
  const host = get('host') ?? 'localhost';
  const iam = choice(options['auth'] ?? 'password', 'auth', ['password', 'iam'], problems) === 'iam';
  const tls = readTls(get, { isLocal: isLocal(host) && !iam, isRds: isRdsHost(host) }, problems);
  const channelBinding = readChannelBinding(get('channel_binding'), tls.mode, problems);
  if (!iam)
    return {
      tls,
      channelBinding,
      password: storedPassword(get('password'), passFile(get('passfile'), env)),
    };
  if (!['require', 'verify-ca', 'verify-full'].includes(tls.mode))
    problems.push(`auth 'iam' needs TLS: sslmode is '${tls.mode}', use 'verify-full'`);
  const region = options['region'] ?? env['AWS_REGION'] ?? env['AWS_DEFAULT_REGION'];
  if (region === undefined) problems.push("auth 'iam' needs a region: set region or AWS_REGION");
  return { tls, channelBinding, password: iamPassword(String(region)) };
}

/** The default never sends data over a network to a server that did not prove who it is. */
function readTls(
  get: Get,
  server: { readonly isLocal: boolean; readonly isRds: boolean },
  problems: string[],
): TlsOptions {
  const mode = choice(
    get('sslmode') ?? (server.isLocal ? 'prefer' : 'verify-full'),
    'sslmode',
    SSL_MODES,
    problems,
  );
  const certFile = get('sslcert');
  const keyFile = get('sslkey');
  if ((certFile === undefined) !== (keyFile === undefined))
    problems.push('sslcert and sslkey belong together; only one is given');
  const authority = get('sslrootcert') ?? (server.isRds ? 'rds' : 'system');
  if (mode === 'verify-ca' && authority === 'system')
    problems.push(
      "sslmode 'verify-ca' needs sslrootcert, the authority's certificates; or use 'verify-full'",
    );
  return { mode, caFile: get('sslrootcert'), certFile, keyFile };
}

/** `require` cannot be enforced by the driver; a server whose certificate is checked is as good. */
function readChannelBinding(value: string | undefined, mode: SslMode, problems: string[]): boolean {
  const wanted = choice(value ?? 'prefer', 'channel_binding', ['disable', 'prefer', 'require'], problems);
  if (wanted === 'require' && mode !== 'verify-full')
    problems.push(`channel_binding 'require' needs sslmode 'verify-full', it is '${mode}'`);
  return wanted !== 'disable';
}

function passFile(given: string | undefined, env: Environment): string | undefined {
  if (given !== undefined) return given;
  return env['HOME'] === undefined ? undefined : `${env['HOME']}/.pgpass`;
}
