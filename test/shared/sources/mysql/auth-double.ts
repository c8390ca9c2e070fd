import { constants, createHash, generateKeyPairSync, privateDecrypt, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { TLSSocket } from 'node:tls';
import { makeAuthority, makeCertificate } from '../../../support/certificates.ts';

/** Ways to log in that no server of MariaDB has: MySQL's. The test shows with MySQL's other client that this stands for one. */
export interface AuthDouble extends AsyncDisposable {
  readonly port: number;
  readonly caFile: string;
  /** What the last login was told, in order: `switch`, `fast`, `full`, `key`. */
  readonly told: string[];
}

interface DoubleOptions {
  /** In the greeting. */
  readonly plugin: string;
  /** Of the user, if another. */
  readonly switchTo?: string;
  /** The server knows the password already, as of an earlier login. */
  readonly isCached?: boolean;
  readonly password: string;
}

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
const PEM = publicKey.export({ type: 'spki', format: 'pem' });
/** Protocol 4.1, TLS, secure connection, plugins: what MySQL 8 offers. */
const CAPABILITIES =
  0x0200 | 0x0800 | 0x8000 | 0x8 | 0x1 | 0x4 | 0x2000 | (0x0008 << 16) | (0x0020 << 16) | (0x0010 << 16);

export async function startAuthDouble(options: DoubleOptions): Promise<AuthDouble> {
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-auth-double-'));
  makeAuthority(folder);
  makeCertificate(folder, 'server', { host: 'localhost' });
  const told: string[] = [];
  const tls = {
    cert: readFileSync(path.join(folder, 'server.crt')),
    key: readFileSync(path.join(folder, 'server.key')),
  };
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    serve(socket, options, { told, tls }).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    caFile: path.join(folder, 'ca.crt'),
    told,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

class Line {
  socket: Socket;
  sequence = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.socket = socket;
  }

  send(...body: (Buffer | string | number[])[]): void {
    const bytes = Buffer.concat(body.map((part) => Buffer.from(part as Buffer)));
    this.socket.write(
      Buffer.concat([Buffer.from([bytes.length & 255, bytes.length >> 8, 0, this.sequence++]), bytes]),
    );
  }

  /** What came with the last packet, for who reads on. */
  giveBack(): void {
    this.socket.pause();
    this.socket.unshift(this.#bytes);
    this.#bytes = Buffer.alloc(0);
  }

  async packet(): Promise<Buffer> {
    const length = () => this.#bytes.readUIntLE(0, 3) + 4;
    while (this.#bytes.length < 4 || this.#bytes.length < length()) {
      const [bytes] = (await once(this.socket, 'data')) as [Buffer];
      this.#bytes = Buffer.concat([this.#bytes, bytes]);
    }
    const packet = this.#bytes.subarray(4, length());
    this.sequence = (this.#bytes[3] ?? 0) + 1;
    this.#bytes = this.#bytes.subarray(length());
    return packet;
  }
}

async function serve(
  socket: Socket,
  { plugin, switchTo = plugin, isCached = false, password }: DoubleOptions,
  { told, tls }: { readonly told: string[]; readonly tls: { readonly cert: Buffer; readonly key: Buffer } },
): Promise<void> {
  told.length = 0;
  const line = new Line(socket);
  let nonce = someNonce();
  line.send(
    [10],
    '8.0.36\0',
    [7, 0, 0, 0],
    nonce.subarray(0, 8),
    [
      0,
      CAPABILITIES & 255,
      (CAPABILITIES >> 8) & 255,
      45,
      2,
      0,
      (CAPABILITIES >> 16) & 255,
      (CAPABILITIES >>> 24) & 255,
      21,
    ],
    Buffer.alloc(10),
    nonce.subarray(8),
    [0],
    `${plugin}\0`,
  );
  let packet = await line.packet();
  const isSecure = packet.length === 32;
  if (isSecure) {
    line.giveBack();
    line.socket = new TLSSocket(socket, { isServer: true, ...tls });
    line.socket.on('error', () => socket.destroy());
    packet = await line.packet();
  }
  const userEnd = packet.indexOf(0, 32);
  let answer = packet.subarray(userEnd + 2, userEnd + 2 + (packet[userEnd + 1] ?? 0));
  if (switchTo !== plugin) {
    told.push('switch');
    nonce = someNonce();
    line.send([0xfe], `${switchTo}\0`, nonce, [0]);
    answer = await line.packet();
  }
  const isRight = await judge(line, { plugin: switchTo, nonce, password, isCached, isSecure, answer, told });
  if (isRight) line.send([0, 0, 0, 2, 0, 0, 0]);
  else line.send([0xff, 0x15, 0x04], '#28000Access denied');
  if (!isRight) line.socket.end();
}

interface Login {
  readonly plugin: string;
  readonly nonce: Buffer;
  readonly password: string;
  readonly isCached: boolean;
  readonly isSecure: boolean;
  readonly answer: Buffer;
  readonly told: string[];
}

async function judge(line: Line, login: Login): Promise<boolean> {
  const { plugin, nonce, password, isCached, isSecure, answer, told } = login;
  const isPassword = (text: Buffer) => text.toString() === `${password}\0`;
  const byKey = async (): Promise<boolean> => {
    told.push('key');
    line.send([1], PEM);
    const sealed = await line.packet();
    const hidden = privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING }, sealed);
    return isPassword(Buffer.from(hidden.map((byte, i) => byte ^ (nonce[i % 20] ?? 0))));
  };
  if (plugin === 'mysql_clear_password') return isPassword(answer);
  if (plugin === 'sha256_password') return isSecure ? isPassword(answer) : answer[0] === 1 && byKey();
  if (isCached) {
    const once = sha256(Buffer.from(password));
    const wanted = sha256(sha256(once), nonce);
    if (!answer.equals(Buffer.from(once.map((byte, i) => byte ^ (wanted[i] ?? 0))))) return false;
    told.push('fast');
    line.send([1, 3]);
    return true;
  }
  told.push('full');
  line.send([1, 4]);
  const next = await line.packet();
  return isSecure ? isPassword(next) : next[0] === 2 && byKey();
}

function someNonce(): Buffer {
  return Buffer.from(randomBytes(20).map((byte) => (byte % 127) + 1));
}

function sha256(...parts: Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}
