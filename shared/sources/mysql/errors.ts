import { type ErrorCode, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { NoTls } from './connection/handshake.ts';
import { ServerError } from './connection/wire-values.ts';

export interface ErrorContext {
  /** Without a secret: `mysql://db.example:3306/shop`. */
  readonly server: string;
  readonly phase: 'connect' | 'query';
  /** What was read or written, such as `orders`. */
  readonly object?: string | undefined;
}

/** The server's error numbers to codes. Anything else is E_SOURCE_FAILED. */
const NUMBERS: ReadonlyMap<number, ErrorCode> = new Map<number, ErrorCode>([
  ...codes(
    'E_SOURCE_REFUSED',
    [1044, 1045, 1049, 1130, 1251, 1275, 1524, 1698, 1820, 1862, 3118, 3955, 4151],
  ),
  ...codes('E_SOURCE_UNREACHABLE', [1040, 1129, 1203, 1226]),
  ...codes('E_SOURCE_DENIED', [1095, 1142, 1143, 1227, 1290, 1345, 1370, 1410, 1419, 1422, 1792, 1836, 1290]),
  ...codes('E_SOURCE_CHANGED', [1054, 1109, 1146, 1305, 1356, 1360, 1412, 1539, 1932, 4092]),
  ...codes('E_SOURCE_LOST', [1053, 1077, 1078, 1079, 1159, 1160, 1161, 1317, 1927, 4031]),
  ...codes('E_TARGET_FULL', [1021, 1114, 3675]),
]);

const HINTS: Partial<Record<ErrorCode, string>> = {
  E_SOURCE_REFUSED:
    'Check the user, the password, the host that the user may come from, and the database name.',
  E_SOURCE_DENIED:
    'Grant the user the right to it; docs/reference/mysql.md lists what a backup and a restore need.',
  E_SOURCE_UNREACHABLE: 'Check the host, the port, the network and that the server runs.',
  E_SOURCE_UNTRUSTED:
    "Give the authority's certificates as caFile and use the host name that is in the certificate.",
  E_SOURCE_LOST: 'Run it again; nothing of this run was listed.',
  E_SOURCE_CHANGED: 'Run it again when no migration is running.',
  E_TARGET_FULL: 'Make room on the disk of the server, then restore again with --replace.',
};

const NUMBER_HINTS: Readonly<Record<number, string>> = {
  1040: 'All connections are in use: end sessions that nobody needs, raise max_connections, or give the source fewer `readers`.',
  1203: 'The user has too many connections: raise max_user_connections, or give the source fewer `readers`.',
  1226: 'The user has too many connections: raise its limit (ALTER USER … WITH MAX_USER_CONNECTIONS), or give the source fewer `readers`.',
  1049: 'Check the name of the database; to restore, make an empty one first: CREATE DATABASE name.',
  1062: 'Two rows of the backup are the same by a unique key of the target: its collation takes characters as equal that the source kept apart.',
  1115: 'The server does not know that character set: restore into a server of the same product and version.',
  1273: 'The server does not know that collation: restore into a server of the same product and version.',
  1298: 'The server does not know that time zone: load them (mysql_tzinfo_to_sql /usr/share/zoneinfo | mysql mysql).',
  1153: 'Raise max_allowed_packet on the server.',
  1205: 'Somebody holds a table locked; see SHOW PROCESSLIST, or raise lockTimeoutSeconds.',
  1290: 'The server is read-only, or was started with an option that forbids it. Connect to the primary.',
  1836: 'The server is read-only. Connect to the primary.',
  1356: 'A view names a table, column or function that is gone. Mend it (ALTER VIEW) or drop it.',
  1419: 'Functions and triggers need SET GLOBAL log_bin_trust_function_creators=1 there, or a user with SUPER.',
  1227: 'The user lacks a right for the whole server. To restore objects of another definer: --no-owner makes the user itself the definer.',
};

/** Says what happened between us and the server in one of the E_SOURCE_* codes. Never loses the cause. */
export function toSourceError(error: unknown, context: ErrorContext): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const where = context.object === undefined ? context.server : `${context.object} in ${context.server}`;
  if (error instanceof ServerError) {
    const { number, sqlState } = error;
    const code = isFull(error) ? 'E_TARGET_FULL' : (NUMBERS.get(number) ?? 'E_SOURCE_FAILED');
    return make(code, `${where}: ${error.message} (error ${number}, SQLSTATE ${sqlState})`, error, context);
  }
  const code = context.phase === 'query' ? 'E_SOURCE_LOST' : connectCode(error);
  return make(code, `${where}: ${describe(error)}`, error, context);
}

/** The server's number of an error, as `toSourceError` kept it; undefined if the server did not say anything. */
export function errorNumber(error: unknown): number | undefined {
  return isHoldfastError(error) && typeof error.details['errorNumber'] === 'number'
    ? error.details['errorNumber']
    : undefined;
}

/** Storage engines tell of a full disk by the system's error number. */
function isFull({ number, message }: ServerError): boolean {
  return (number === 1030 || number === 1026 || number === 3) && /\b28\b/.test(message);
}

function make(code: ErrorCode, message: string, cause: unknown, { object }: ErrorContext): HoldfastError {
  const number = cause instanceof ServerError ? cause.number : undefined;
  const hint = (number === undefined ? undefined : NUMBER_HINTS[number]) ?? HINTS[code];
  return new HoldfastError(code, message, {
    cause,
    ...(hint !== undefined && { hint }),
    details: {
      ...(number !== undefined && { errorNumber: number }),
      ...(object !== undefined && { object }),
    },
  });
}

function codes(code: ErrorCode, numbers: readonly number[]): [number, ErrorCode][] {
  return numbers.map((number) => [number, code]);
}

/** Certificates that fail are told apart by OpenSSL's names, which Node.js passes on as codes. */
const CERTIFICATE_CODE =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/;

function connectCode(error: unknown): ErrorCode {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return CERTIFICATE_CODE.test(code) || error instanceof NoTls
    ? 'E_SOURCE_UNTRUSTED'
    : 'E_SOURCE_UNREACHABLE';
}

/** A server that was reached before, and no longer answers while another session opens, is lost. */
export function asLost(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_UNREACHABLE') || errorNumber(error) !== undefined) return error;
  return new HoldfastError('E_SOURCE_LOST', error.message, { cause: error });
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error instanceof Error ? error.message : String(error);
}
