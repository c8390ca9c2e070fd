import { once } from 'node:events';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { type AuthRequest, firstAnswer, goOn } from './auth.ts';
import { Wire } from './wire.ts';
import { EOF, ERR, errorOf, OK, PacketReader, withLength } from './wire-values.ts';

const CAPABILITIES = {
  longPassword: 0x1,
  longFlag: 0x4,
  connectWithDatabase: 0x8,
  protocol41: 0x200,
  tls: 0x800,
  transactions: 0x2000,
  secureConnection: 0x8000,
  pluginAuth: 0x80000,
  connectAttributes: 0x100000,
  longAuthData: 0x200000,
} as const;
const WANTED =
  CAPABILITIES.longPassword |
  CAPABILITIES.longFlag |
  CAPABILITIES.protocol41 |
  CAPABILITIES.transactions |
  CAPABILITIES.secureConnection |
  CAPABILITIES.pluginAuth |
  CAPABILITIES.connectAttributes |
  CAPABILITIES.longAuthData;
/** utf8mb4_general_ci, which all versions have. */
const CHARACTER_SET = 45;
const MOST_PACKET_BYTES = 1024 ** 3;
const PROTOCOL_10 = 10;

export interface Login {
  readonly user: string;
  readonly database: string | undefined;
  readonly password: () => Promise<string>;
  /** Undefined for none. */
  readonly tls: ConnectionOptions | undefined;
  /** The name that the certificate must be for. */
  readonly host: string;
  /** A socket of this machine, which nobody can listen to. */
  readonly isLocalSocket: boolean;
  readonly programName: string;
}

export interface LoggedIn {
  readonly wire: Wire;
  /** Such as `10.11.6-MariaDB-log`. */
  readonly version: string;
  readonly connectionId: number;
}

interface Greeting {
  readonly version: string;
  readonly connectionId: number;
  readonly capabilities: number;
  readonly plugin: string;
  readonly nonce: Buffer;
}

/** The server offers no TLS. */
export class NoTls extends Error {
  override readonly name = 'NoTls';
}

/**
 * Logs in on a socket that is connected. Section "Connection Phase" of the protocol's manual.
 *
 * @throws ServerError, NoTls, HoldfastError, Error
 */
export async function logIn(socket: Socket, login: Login): Promise<LoggedIn> {
  let wire = new Wire(socket);
  const greeting = readGreeting(await wire.packet());
  const flags =
    WANTED |
    (login.database === undefined ? 0 : CAPABILITIES.connectWithDatabase) |
    (login.tls ? CAPABILITIES.tls : 0);
  if (login.tls) {
    if (!(greeting.capabilities & CAPABILITIES.tls)) throw new NoTls('the server offers no TLS');
    wire.send(preamble(flags));
    wire = await secure(wire, login.tls, login.host);
  }
  const isPrivate = login.tls !== undefined || login.isLocalSocket;
  const password = await login.password();
  const request: AuthRequest = { plugin: greeting.plugin, nonce: greeting.nonce, password };
  const answer = isKnown(greeting.plugin) ? firstAnswer(request, isPrivate) : Buffer.alloc(0);
  wire.send(
    Buffer.concat([
      preamble(flags),
      Buffer.from(`${login.user}\0`),
      withLength(answer),
      Buffer.from(login.database === undefined ? '' : `${login.database}\0`),
      Buffer.from(`${greeting.plugin}\0`),
      withLength(attributes({ _client_name: login.programName, program_name: login.programName })),
    ]),
  );
  await finish(wire, request, isPrivate);
  return { wire, version: greeting.version, connectionId: greeting.connectionId };
}

/** A user may log in by another plugin than the one that the server greets with. */
function isKnown(plugin: string): boolean {
  return plugin === 'mysql_native_password' || plugin === 'caching_sha2_password';
}

async function finish(wire: Wire, first: AuthRequest, isPrivate: boolean): Promise<void> {
  let request = first;
  const next = () => wire.packet();
  const ask = (answer: Uint8Array) => {
    wire.send(answer);
    return next();
  };
  for (let packet = await next(); ; ) {
    const [type] = packet;
    if (type === OK) return;
    if (type === ERR) throw errorOf(packet);
    if (type === EOF) {
      const reader = new PacketReader(packet, 1);
      request = { ...request, plugin: reader.text(), nonce: reader.rest() };
      packet = await ask(firstAnswer(request, isPrivate));
    } else packet = await goOn(request, packet, { isPrivate, ask, next });
  }
}

function readGreeting(packet: Buffer): Greeting {
  if (packet[0] === ERR) throw errorOf(packet);
  if (packet[0] !== PROTOCOL_10) throw new Error('this is no server of MySQL or MariaDB');
  const reader = new PacketReader(packet, 1);
  const version = reader.text();
  const connectionId = reader.integer(4);
  const nonce = reader.bytes(8);
  reader.bytes(1);
  const low = reader.integer(2);
  reader.bytes(3);
  const capabilities = low + reader.integer(2) * 0x10000;
  const nonceBytes = reader.integer(1);
  reader.bytes(10);
  const more = reader.bytes(Math.max(13, nonceBytes - 8));
  const plugin = reader.isAtEnd ? '' : reader.text();
  return {
    // MariaDB says it is 5.5.5 first, for replicas that know no 10.
    version: version.replace(/^5\.5\.5-(?=1\d\.)/, ''),
    connectionId,
    capabilities,
    plugin: plugin === '' ? 'mysql_native_password' : plugin,
    nonce: Buffer.concat([nonce, more]),
  };
}

function preamble(flags: number): Buffer {
  const bytes = Buffer.alloc(32);
  bytes.writeUInt32LE(flags >>> 0, 0);
  bytes.writeUInt32LE(MOST_PACKET_BYTES, 4);
  bytes[8] = CHARACTER_SET;
  return bytes;
}

function attributes(values: Readonly<Record<string, string>>): Buffer {
  return Buffer.concat(
    Object.entries(values).flatMap((pair) => pair.map((text) => withLength(Buffer.from(text)))),
  );
}

async function secure(wire: Wire, tls: ConnectionOptions, host: string): Promise<Wire> {
  const name = isIP(host) === 0 ? { servername: host } : {};
  const secured = connectTls({ host, ...tls, ...name, socket: wire.detach() });
  const stop = new AbortController();
  // A socket that is closed from here tells nothing but that.
  secured.once('close', () => stop.abort(new Error('the connection was closed')));
  await once(secured, 'secureConnect', { signal: stop.signal });
  const inside = new Wire(secured);
  inside.sequence = wire.sequence;
  return inside;
}
