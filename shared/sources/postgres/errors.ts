import pg from 'pg';
import { type ErrorCode, HoldfastError, isHoldfastError } from '../../core/errors.ts';

/** What was being done when something failed. */
export interface ErrorContext {
  /** Without a secret: `postgres://db.example:5432/shop`. */
  readonly server: string;
  readonly phase: 'connect' | 'query';
  /** What was read or written, such as `public.orders`. */
  readonly object?: string | undefined;
}

/** SQLSTATE to code, whole states first, then classes. Anything else is E_SOURCE_FAILED. */
const STATES: Readonly<Record<string, ErrorCode>> = {
  '28': 'E_SOURCE_REFUSED',
  '3D000': 'E_SOURCE_REFUSED',
  '42501': 'E_SOURCE_DENIED',
  '42P01': 'E_SOURCE_CHANGED',
  '42703': 'E_SOURCE_CHANGED',
  '42704': 'E_SOURCE_CHANGED',
  '3F000': 'E_SOURCE_CHANGED',
  '53300': 'E_SOURCE_UNREACHABLE',
  '57P03': 'E_SOURCE_UNREACHABLE',
  '08': 'E_SOURCE_LOST',
  '57P01': 'E_SOURCE_LOST',
  '57P02': 'E_SOURCE_LOST',
  '57P05': 'E_SOURCE_LOST',
  '25P03': 'E_SOURCE_LOST',
};

const HINTS: Partial<Record<ErrorCode, string>> = {
  E_SOURCE_REFUSED: 'Check the user, the password and the database name, and pg_hba.conf on the server.',
  E_SOURCE_DENIED:
    'Grant the role the right to it: to read everything, membership in pg_read_all_data; to restore, ownership of the database.',
  E_SOURCE_UNREACHABLE: 'Check the host, the port, the network and that the server runs.',
  E_SOURCE_UNTRUSTED:
    "Give the authority's certificates in sslrootcert and use the host name that is in the certificate.",
  E_SOURCE_LOST: 'Run it again; nothing of this run was listed.',
  E_SOURCE_CHANGED: 'Run it again when no migration is running.',
};

const STATE_HINTS: Readonly<Record<string, string>> = {
  '3D000': 'Check the name of the database; to restore, make an empty one first: createdb NAME.',
  '22021':
    "A text is not valid in the database's encoding. A backup of a SQL_ASCII database goes into one like it: CREATE DATABASE … ENCODING 'SQL_ASCII' TEMPLATE template0.",
  '22P05':
    'A name or a text there has characters that UTF-8, or the encoding of the database, does not have.',
  '23514':
    'A check that depends on session settings may hold only in the source: set them for the target database (ALTER DATABASE … SET), or drop the check in the source.',
  '25006':
    'This login may only read there (default_transaction_read_only, or a standby). To write all the same: options=-c%20default_transaction_read_only=off in the connection string.',
  '53300':
    'All connections are in use: end sessions that nobody needs (pg_stat_activity), raise max_connections, or give the source fewer `readers`.',
  '53200': 'Raise max_locks_per_transaction on the server: each table needs a lock.',
  '55P03': 'Somebody holds a table locked; see pg_locks, or raise lockTimeoutSeconds.',
};

/** Says what happened between us and the server in one of the E_SOURCE_* codes. Never loses the cause. */
export function toSourceError(error: unknown, context: ErrorContext): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const where = context.object === undefined ? context.server : `${context.object} in ${context.server}`;
  const text = describe(error);
  if (error instanceof pg.DatabaseError) {
    const state = error.code ?? 'unknown';
    const code = isGone(state, text) ? 'E_SOURCE_CHANGED' : codeOf(state);
    return make(code, `${where}: ${text} (SQLSTATE ${state})`, error, context, { sqlState: state });
  }
  const code = context.phase === 'query' ? 'E_SOURCE_LOST' : connectCode(error);
  return make(code, `${where}: ${text}`, error, context, {});
}

function codeOf(state: string): ErrorCode {
  return STATES[state] ?? STATES[state.slice(0, 2)] ?? 'E_SOURCE_FAILED';
}

/**
 * Servers have no state of its own for an object that went while a statement used it: it is an internal error. These
 * texts are never translated.
 */
const GONE =
  /^(cache lookup failed for |could not open relation with OID |could not find (tuple|attribute|rule|trigger) |.* \d+ does not exist$|tuple concurrently (updated|deleted))/;

function isGone(state: string, text: string): boolean {
  return state === 'XX000' && GONE.test(text);
}

function make(
  code: ErrorCode,
  message: string,
  cause: unknown,
  { object }: ErrorContext,
  details: Readonly<Record<string, string>>,
): HoldfastError {
  const hint = STATE_HINTS[details['sqlState'] ?? ''] ?? HINTS[code];
  return new HoldfastError(code, message, {
    cause,
    ...(hint !== undefined && { hint }),
    details: { ...details, ...(object !== undefined && { object }) },
  });
}

/** Certificates that fail are told apart by OpenSSL's names, which Node.js passes on as codes. */
const CERTIFICATE_CODE =
  /^(ERR_TLS_|ERR_SSL_|ERR_OSSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|EPROTO$)/;

function connectCode(error: unknown): ErrorCode {
  if (CERTIFICATE_CODE.test(errnoOf(error)) || isTlsNotOffered(error)) return 'E_SOURCE_UNTRUSTED';
  return 'E_SOURCE_UNREACHABLE';
}

/** A server that was reached before, and no longer answers while another session opens, is lost. */
export function asLost(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_UNREACHABLE') || error.details['sqlState'] !== undefined)
    return error;
  return new HoldfastError('E_SOURCE_LOST', error.message, { cause: error });
}

/** The driver has no code for a server that answers "no TLS here", only this text. */
export function isTlsNotOffered(error: unknown): boolean {
  return error instanceof Error && error.message === 'The server does not support SSL connections';
}

function errnoOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function describe(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(describe).join(', ');
  return error instanceof Error ? error.message : String(error);
}
