import { createHmac, timingSafeEqual } from 'node:crypto';
import { check, refuse } from './bytes.ts';

export type Json = Readonly<Record<string, unknown>>;

const DEEPEST = 64;

function checkDepth(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth += 1;
    if (token === '}' || token === ']') depth -= 1;
    check(depth <= DEEPEST, 'JSON nests more than 64 levels');
  }
}

export function parse(bytes: Buffer): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    checkDepth(text);
    return JSON.parse(text) as unknown;
  } catch (error) {
    return refuse(`not JSON: ${String(error)}`);
  }
}

export function object(value: unknown): Json {
  check(typeof value === 'object' && value !== null && !Array.isArray(value), 'not a JSON object');
  return value as Json;
}

export function list(value: unknown): readonly unknown[] {
  check(Array.isArray(value), 'not a JSON list');
  return value;
}

export function text(value: unknown): string {
  check(typeof value === 'string', 'not a text');
  return value;
}

export function digits(value: unknown, count: number): string {
  const found = text(value);
  check(found.length === count && /^[0-9a-f]*$/.test(found), `not ${count} digits`);
  return found;
}

export function count(value: unknown): number {
  check(Number.isSafeInteger(value) && Number(value) >= 0, 'not a count');
  return Number(value);
}

export function base64(value: unknown): Buffer {
  const found = Buffer.from(text(value), 'base64');
  check(found.toString('base64') === value, 'not base64');
  return found;
}

const END = /,\n"mac":"([0-9a-f]{64})"\}\n$/;
const SIGNATURE =
  /,\n"signature":\{"key":"[0-9a-f]{32}","alg":"(?:Ed25519|ES256)","value":"[A-Za-z0-9+/]+=*"\}$/;

/** JSON that ends in a MAC: rely on nothing in it until `prove` returns. */
export class Authenticated {
  readonly json: Json;
  readonly bytes: Buffer;
  readonly #body: Buffer;
  readonly #mac: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    const [end, mac] = END.exec(bytes.subarray(-78).toString('latin1')) ?? refuse('does not end in a MAC');
    this.json = object(parse(bytes));
    this.#body = bytes.subarray(0, bytes.length - end.length);
    this.#mac = Buffer.from(mac ?? '', 'hex');
  }

  prove(key: Buffer): Json {
    const mac = createHmac('sha256', key).update(this.#body).digest();
    check(timingSafeEqual(mac, this.#mac), 'the MAC is wrong');
    if (this.json['signature'] !== undefined)
      check(SIGNATURE.test(this.#body.toString('latin1')), 'a signature of another form');
    return this.json;
  }

  says(format: string, versions: readonly number[]): void {
    check(this.json['format'] === format, `not of format ${format}`);
    check(versions.includes(Number(this.json['version'])), 'of a version that this page does not know');
  }
}
