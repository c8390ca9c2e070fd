import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import { hasBytes } from '../../byte-text.ts';
import { isTlsNotOffered, toSourceError } from '../errors.ts';
import { queryBytes } from './bytes.ts';
import { type PostgresOptions, postgresName } from './options.ts';
import { tlsAttempts } from './tls.ts';

/**
 * Opens one session. A session that breaks later reports it to the query in flight, or to the next one.
 *
 * @throws E_SOURCE_UNREACHABLE, E_SOURCE_REFUSED, E_SOURCE_UNTRUSTED, E_CONFIG, E_ABORTED
 */
export async function connect(options: PostgresOptions, signal: AbortSignal): Promise<pg.Client> {
  // As with libpq, TLS is for networks: a Unix socket goes without.
  const attempts = options.host.startsWith('/')
    ? [false as const]
    : await tlsAttempts(options.tls, options.host);
  const server = postgresName(options);
  for (const [index, tls] of attempts.entries()) {
    throwIfAborted(signal);
    try {
      return await connectOnce(options, tls, signal);
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      const last = index === attempts.length - 1;
      if (last || !mayTryOtherWay(error)) throw toSourceError(error, { server, phase: 'connect' });
    }
  }
  throw new HoldfastError('E_INTERNAL', 'no way to connect was tried');
}

/**
 * Runs one statement and gives its rows. When aborted, asks the server to stop and closes the session.
 *
 * @throws E_SOURCE_*, E_ABORTED
 */
export async function query<Row extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  signal: AbortSignal,
  { values = [], object }: { readonly values?: readonly unknown[]; readonly object?: string } = {},
): Promise<readonly Row[]> {
  throwIfAborted(signal);
  const onAbort = (): void => interrupt(client);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    if (values.length === 0 && hasBytes(text))
      return (await queryBytes(client, text)) as unknown as readonly Row[];
    const result = await (values.length > 0 ? client.query<Row>(text, [...values]) : client.query<Row>(text));
    return result.rows;
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    throw toSourceError(error, { server: serverName(client), phase: 'query', object });
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Stops whatever the session does, at once, and closes it. The server is told on a connection of its own. */
export function interrupt(client: pg.Client): void {
  sendCancelRequest(client);
  client.connection.stream.destroy();
}

/** Ends the session; never throws and never waits long. */
export async function disconnect(client: pg.Client): Promise<void> {
  const { stream } = client.connection;
  if (stream.destroyed) return;
  const closed = once(stream, 'close').catch(() => undefined);
  const timer = setTimeout(() => stream.destroy(), 2 * SECOND_MS);
  client.end().catch(() => stream.destroy());
  await closed;
  clearTimeout(timer);
}

/** A server by its name, without a secret. */
export function serverName(client: pg.Client): string {
  return postgresName({ host: client.host, port: client.port, database: client.database ?? '' });
}

async function connectOnce(
  options: PostgresOptions,
  ssl: ConnectionOptions | false,
  signal: AbortSignal,
): Promise<pg.Client> {
  const { host, port, user, database } = options;
  const client = new pg.Client({
    host,
    port,
    user,
    database,
    ssl,
    password: () => options.password({ host, port, user, database }),
    application_name: options.applicationName,
    ...(options.startupOptions !== undefined && { options: options.startupOptions }),
    enableChannelBinding: options.channelBinding,
    connectionTimeoutMillis: options.connectTimeoutMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 30 * SECOND_MS,
  });
  // Without a listener a broken idle session would end the process; the next query reports it.
  client.on('error', () => undefined);
  const onAbort = (): void => void client.connection.stream.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await client.connect();
    return client;
  } catch (error) {
    client.connection.stream.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** For `prefer` and `allow`: no TLS on offer, or pg_hba.conf wants the other way. */
function mayTryOtherWay(error: unknown): boolean {
  return isTlsNotOffered(error) || (error instanceof pg.DatabaseError && error.code === '28000');
}

interface SessionSecrets {
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly ssl: boolean | ConnectionOptions;
}

interface CancelConnection {
  readonly stream: Socket;
  connect(port: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
  on(event: 'connect' | 'sslconnect' | 'error', listener: () => void): this;
}

/** CancelRequest, section 54.2.8 "Canceling Requests in Progress" of the manual. Best effort, unanswered. */
function sendCancelRequest(client: pg.Client): void {
  const { processID, secretKey, ssl } = client as unknown as SessionSecrets;
  if (processID === null || secretKey === null) return;
  const connection = new pg.Connection(typeof ssl === 'object' ? { ssl } : {}) as unknown as CancelConnection;
  const timer = setTimeout(() => connection.stream.destroy(), 5 * SECOND_MS);
  timer.unref();
  const send = (): void => {
    connection.cancel(processID, secretKey);
    connection.stream.end(() => clearTimeout(timer));
  };
  connection.on('error', () => clearTimeout(timer));
  connection.on('connect', () => (ssl ? connection.requestSsl() : send()));
  connection.on('sslconnect', send);
  if (client.host.startsWith('/')) connection.connect(`${client.host}/.s.PGSQL.${client.port}`);
  else connection.connect(client.port, client.host);
  connection.stream.unref();
}
