import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import { decodeText, encodeText } from '../../byte-text.ts';
import { toSourceError } from '../errors.ts';
import { type LoggedIn, logIn, NoTls } from './handshake.ts';
import { type MysqlOptions, mysqlName } from './options.ts';
import { tlsAttempts } from './tls.ts';
import type { Wire } from './wire.ts';
import { ERR, errorOf, isEof, OK, PacketReader, ServerError } from './wire-values.ts';

const QUIT = 0x01;
const QUERY = 0x03;
const LOCAL_INFILE = 0xfb;
const GOODBYE_MS = 2 * SECOND_MS;

/** The values of a row as text, by the names of their columns. */
export type Row = Readonly<Record<string, string | null>>;

/** One connection to a server, used by one task at a time. */
export class Session {
  readonly server: string;
  readonly version: string;
  readonly wire: Wire;
  readonly #options: MysqlOptions;
  readonly #connectionId: number;

  private constructor(options: MysqlOptions, { wire, version, connectionId }: LoggedIn) {
    this.#options = options;
    this.server = mysqlName(options);
    this.wire = wire;
    this.version = version;
    this.#connectionId = connectionId;
  }

  /**
   * Logs in. No settings are made yet: see session-settings.ts.
   *
   * @throws E_SOURCE_UNREACHABLE, E_SOURCE_REFUSED, E_SOURCE_UNTRUSTED, E_CONFIG, E_ABORTED
   */
  static async connect(options: MysqlOptions, signal: AbortSignal): Promise<Session> {
    const server = mysqlName(options);
    const attempts = await tlsAttempts(options.tls, options.host);
    for (const [index, tls] of attempts.entries()) {
      throwIfAborted(signal);
      try {
        return new Session(options, await connectOnce(options, tls, signal));
      } catch (error) {
        if (signal.aborted) throw abortedError(signal);
        const isLast = index === attempts.length - 1;
        if (isLast || !(error instanceof NoTls)) throw toSourceError(error, { server, phase: 'connect' });
      }
    }
    throw new HoldfastError('E_INTERNAL', 'no way to connect was tried');
  }

  get isOpen(): boolean {
    return this.wire.isOpen;
  }

  get isMariaDb(): boolean {
    return /mariadb/i.test(this.version);
  }

  /** Such as 101106 for 10.11.6. */
  get versionNumber(): number {
    const [, major = 0, minor = 0, patch = 0] = /^(\d+)\.(\d+)(?:\.(\d+))?/.exec(this.version) ?? [];
    return Number(major) * 10_000 + Number(minor) * 100 + Number(patch);
  }

  /**
   * Runs one statement and gives its rows. Bytes that are not UTF-8 are in texts as byte-text.ts says. If it is
   * stopped, the session is closed.
   *
   * @throws E_SOURCE_*, E_ABORTED
   */
  async query<R extends Row = Row>(
    sql: string,
    signal: AbortSignal,
    { object }: { readonly object?: string | undefined } = {},
  ): Promise<readonly R[]> {
    return this.run(signal, object, async () => {
      this.sendQuery(encodeText(sql));
      return (await readRows(this.wire)) as readonly R[];
    });
  }

  /** Does something on the wire; if it fails by anything but the server's answer, or is stopped, the session is closed. */
  async run<T>(signal: AbortSignal, object: string | undefined, work: () => Promise<T>): Promise<T> {
    throwIfAborted(signal);
    const onAbort = (): void => this.interrupt();
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof ServerError)) this.wire.socket.destroy();
      if (signal.aborted) throw abortedError(signal);
      throw toSourceError(error, { server: this.server, phase: 'query', object });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  sendQuery(sql: Uint8Array): void {
    this.wire.sequence = 0;
    this.wire.send(Buffer.concat([Buffer.from([QUERY]), sql]));
  }

  /** Stops whatever the session does, at once, and closes it. The server is told on a connection of its own. */
  interrupt(): void {
    const { socket } = this.wire;
    if (socket.destroyed) return;
    socket.destroy();
    void kill(this.#options, this.#connectionId);
  }

  /** Ends the session; never throws and never waits long. */
  async close(): Promise<void> {
    const { socket } = this.wire;
    if (socket.destroyed) return;
    const closed = once(socket, 'close').catch(() => undefined);
    const timer = setTimeout(() => socket.destroy(), GOODBYE_MS);
    this.wire.sequence = 0;
    this.wire.send(Buffer.from([QUIT]));
    socket.resume();
    socket.end();
    await closed;
    clearTimeout(timer);
  }
}

async function connectOnce(
  options: MysqlOptions,
  tls: ConnectionOptions | undefined,
  signal: AbortSignal,
): Promise<LoggedIn> {
  const { host, port, user, database, password, connectTimeoutMs } = options;
  const isLocalSocket = host.startsWith('/');
  const socket: Socket = connectTcp(isLocalSocket ? { path: host } : { host, port });
  // Without a listener a broken idle session would end the process; the next use of the wire reports it.
  socket.on('error', () => undefined);
  socket.setNoDelay(true).setKeepAlive(true, 30 * SECOND_MS);
  const onAbort = (): void => void socket.destroy();
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer within ${connectTimeoutMs / SECOND_MS} s`)),
    connectTimeoutMs,
  );
  try {
    await once(socket, 'connect', { signal });
    const login = { user, database, password, tls, host, isLocalSocket, programName: 'holdfast' };
    return await logIn(socket, login);
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Best effort: a server notices by itself too that nobody listens, once it has something to say. */
async function kill(options: MysqlOptions, connectionId: number): Promise<void> {
  const signal = AbortSignal.timeout(2 * SECOND_MS);
  try {
    const session = await Session.connect({ ...options, database: undefined }, signal);
    await session.query(`KILL ${connectionId}`, signal).catch(() => undefined);
    await session.close();
  } catch {
    // Nobody is there to be told.
  }
}

/** The rows of a statement's answer, none if it gives none. @throws ServerError, Error */
async function readRows(wire: Wire): Promise<readonly Row[]> {
  const names = await readColumns(wire);
  const rows: Row[] = [];
  if (names.length === 0) return rows;
  for (;;) {
    const packet = await wire.packet();
    if (packet[0] === ERR) throw errorOf(packet);
    if (isEof(packet)) return rows;
    const reader = new PacketReader(packet);
    rows.push(
      Object.fromEntries(
        names.map((name) => {
          const value = reader.value();
          return [name, value && decodeText(value)];
        }),
      ),
    );
  }
}

/** Names of the columns of an answer, none if it has no rows; the rows are what comes next. @throws ServerError, Error */
export async function readColumns(wire: Wire): Promise<readonly string[]> {
  const packet = await wire.packet();
  if (packet[0] === ERR) throw errorOf(packet);
  if (packet[0] === OK) return [];
  if (packet[0] === LOCAL_INFILE) throw new Error('the server asks for a file, which no statement did');
  const count = new PacketReader(packet).length();
  const names: string[] = [];
  for (let i = 0; i < count; i++) {
    const reader = new PacketReader(await wire.packet());
    for (const _ of ['catalog', 'schema', 'table', 'table of the name']) reader.value();
    names.push(decodeText(reader.value() ?? Buffer.alloc(0)));
  }
  const end = await wire.packet();
  if (!isEof(end)) throw new Error('the list of columns does not end');
  return names;
}
