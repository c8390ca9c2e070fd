import { createHash } from 'node:crypto';

/*
 * MariaDB's `ed25519`: a signature of the nonce as in RFC 8032, whose secret is the SHA-512 of the password where the
 * standard has that of a seed of 32 bytes. Node.js signs only with seeds, so the curve is here. A login takes one
 * signature, so nothing is made fast.
 */

const P = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** X, Y, Z, T: extended coordinates. */
type Point = readonly [bigint, bigint, bigint, bigint];

const D = mod(-121665n * inverse(121666n));
const BASE_Y = mod(4n * inverse(5n));
const BASE = pointOf(15112221349535400772501151409588531511454012693041857206046113283949847762202n, BASE_Y);

/** What the server's plugin `ed25519` wants to see. */
export function ed25519Answer(password: string, nonce: Buffer): Buffer {
  const hash = sha512(Buffer.from(password));
  const secret = clamp(hash.subarray(0, 32));
  const publicKey = encode(multiply(BASE, secret));
  const r = mod(number(sha512(hash.subarray(32), nonce)), ORDER);
  const commitment = encode(multiply(BASE, r));
  const challenge = number(sha512(commitment, publicKey, nonce));
  return Buffer.concat([commitment, bytesOf(mod(r + challenge * secret, ORDER))]);
}

function clamp(bytes: Buffer): bigint {
  const copy = Buffer.from(bytes);
  copy[0] = (copy[0] ?? 0) & 248;
  copy[31] = ((copy[31] ?? 0) & 127) | 64;
  return number(copy);
}

function sha512(...parts: Uint8Array[]): Buffer {
  return createHash('sha512').update(Buffer.concat(parts)).digest();
}

/** Little-endian. */
function number(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}

function bytesOf(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse();
}

function mod(value: bigint, by: bigint = P): bigint {
  const rest = value % by;
  return rest < 0n ? rest + by : rest;
}

function inverse(value: bigint): bigint {
  let result = 1n;
  let power = mod(value);
  for (let left = P - 2n; left > 0n; left >>= 1n) {
    if (left & 1n) result = mod(result * power);
    power = mod(power * power);
  }
  return result;
}

function pointOf(x: bigint, y: bigint): Point {
  return [x, y, 1n, mod(x * y)];
}

/** Section 5.1.4 of RFC 8032. */
function add([x1, y1, z1, t1]: Point, [x2, y2, z2, t2]: Point): Point {
  const a = mod((y1 - x1) * (y2 - x2));
  const b = mod((y1 + x1) * (y2 + x2));
  const c = mod(t1 * 2n * D * t2);
  const d = mod(z1 * 2n * z2);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return [mod(e * f), mod(g * h), mod(f * g), mod(e * h)];
}

function multiply(point: Point, by: bigint): Point {
  let result: Point = pointOf(0n, 1n);
  let power = point;
  for (let left = by; left > 0n; left >>= 1n) {
    if (left & 1n) result = add(result, power);
    power = add(power, power);
  }
  return result;
}

function encode([x, y, z]: Point): Buffer {
  const i = inverse(z);
  const bytes = bytesOf(mod(y * i));
  if (mod(x * i) & 1n) bytes[31] = (bytes[31] ?? 0) | 0x80;
  return bytes;
}
