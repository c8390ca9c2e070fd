import { constants, createHash, publicEncrypt } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';
import { ed25519Answer } from './auth-ed25519.ts';

export interface AuthChannel {
  /** Nobody can listen: TLS, or a socket of this machine. */
  readonly isPrivate: boolean;
  /** Sends one answer and gives what the server says to it. */
  ask(answer: Uint8Array): Promise<Buffer>;
}

export interface AuthRequest {
  /** Such as `caching_sha2_password`. */
  readonly plugin: string;
  /** What the server made up for this login. */
  readonly nonce: Buffer;
  readonly password: string;
}

/** The nonce without the zero byte that ends it. */
const NONCE_BYTES = 20;
const MORE_DATA = 0x01;
const FAST_SUCCESS = 0x03;
const FULL_LOGIN = 0x04;
const KEY_REQUEST = { caching_sha2_password: 0x02, sha256_password: 0x01 } as const;

/**
 * What to send first.
 *
 * @throws E_SOURCE_REFUSED for a way to log in that is not known, or that would show the password on the network
 */
export function firstAnswer({ plugin, nonce, password }: AuthRequest, isPrivate: boolean): Buffer {
  const random = nonce.subarray(0, NONCE_BYTES);
  switch (plugin) {
    case 'mysql_native_password':
      return password === '' ? Buffer.alloc(0) : nativeAnswer(password, random);
    case 'caching_sha2_password':
      return password === '' ? Buffer.alloc(0) : sha2Answer(password, random);
    case 'client_ed25519':
      return ed25519Answer(password, nonce.subarray(0, 32));
    case 'sha256_password':
      if (isPrivate) return clear(password);
      return password === '' ? Buffer.from([0]) : Buffer.from([KEY_REQUEST.sha256_password]);
    case 'mysql_clear_password':
      if (isPrivate) return clear(password);
      throw new HoldfastError('E_SOURCE_REFUSED', 'the server asks for the password in clear text', {
        hint: 'Connect with TLS: tls=verify-full.',
      });
    case 'unix_socket':
    case 'auth_socket':
      return Buffer.alloc(0);
    default:
      throw new HoldfastError(
        'E_SOURCE_REFUSED',
        `the server asks for a login by '${plugin}', which Holdfast does not know`,
        {
          hint: 'Give the user one of caching_sha2_password, mysql_native_password, sha256_password, ed25519 or mysql_clear_password.',
        },
      );
  }
}

/**
 * Goes on where the server asks for more.
 *
 * @param packet the server's answer to the first, which begins with 1
 * @returns the server's last word: OK or an error
 */
export async function goOn(
  { plugin, nonce, password }: AuthRequest,
  packet: Buffer,
  channel: AuthChannel & { readonly next: () => Promise<Buffer> },
): Promise<Buffer> {
  const [, what] = packet;
  if (plugin === 'caching_sha2_password') {
    if (what === FAST_SUCCESS) return channel.next();
    if (what === FULL_LOGIN && channel.isPrivate) return channel.ask(clear(password));
    if (what === FULL_LOGIN) {
      const key = await channel.ask(Buffer.from([KEY_REQUEST.caching_sha2_password]));
      return channel.ask(sealed(password, nonce, keyOf(key)));
    }
  }
  if (plugin === 'sha256_password') return channel.ask(sealed(password, nonce, keyOf(packet)));
  throw new Error(`the server asks for more than a login by ${plugin} has`);
}

function keyOf(packet: Buffer): string {
  if (packet[0] === MORE_DATA) return packet.toString('latin1', 1);
  throw new Error('the server sent no public key');
}

function sha1(...parts: Uint8Array[]): Buffer {
  return createHash('sha1').update(Buffer.concat(parts)).digest();
}

function sha256(...parts: Uint8Array[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

function nativeAnswer(password: string, nonce: Buffer): Buffer {
  const once = sha1(Buffer.from(password));
  return xor(once, sha1(nonce, sha1(once)));
}

function sha2Answer(password: string, nonce: Buffer): Buffer {
  const once = sha256(Buffer.from(password));
  return xor(once, sha256(sha256(once), nonce));
}

function clear(password: string): Buffer {
  return Buffer.from(`${password}\0`);
}

/** The password, hidden by the nonce and for the holder of the key alone. */
function sealed(password: string, nonce: Buffer, key: string): Buffer {
  const hidden = xor(clear(password), nonce.subarray(0, NONCE_BYTES));
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, hidden);
}

function xor(bytes: Buffer, mask: Buffer): Buffer {
  return Buffer.from(bytes.map((byte, i) => byte ^ (mask[i % mask.length] ?? 0)));
}
