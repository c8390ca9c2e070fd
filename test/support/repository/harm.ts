import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { Json, JsonObject } from '../../../shared/core/json.ts';
import { MiB } from '../../../shared/core/units.ts';
import { cases, testSeed, tortureTimeoutMs } from './torture.ts';

/** LEB128 of 0, 127, 2^31, 2^32, 2^53-1, 2^60, of one that never ends, and of one that is too long for its value. */
const VARINTS = [
  [0],
  [0x7f],
  [0x80, 0x80, 0x80, 0x80, 0x08],
  [0x80, 0x80, 0x80, 0x80, 0x10],
  [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f],
  [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10],
  Array<number>(12).fill(0xff),
  [0x85, 0x80, 0x00],
].map((bytes) => Buffer.from(bytes));

type Harm = (bytes: Buffer) => Buffer;

/** A place in bytes of any length: in [0, 1); the first, and small ones, as likely as all, as headers lie there. */
const place = fc.oneof(
  fc.constant(0),
  fc.double({ min: 0, max: 0.999, noNaN: true }),
  fc.double({ min: 0, max: 0.02, noNaN: true }),
);
const at = (bytes: Buffer, share: number) => Math.floor(share * bytes.length);

function splice(bytes: Buffer, from: number, to: number, put: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, from), put, bytes.subarray(to)]);
}

function harm(others: readonly Buffer[]): fc.Arbitrary<Harm> {
  return fc.oneof(
    fc.tuple(place, fc.nat(7)).map(
      ([share, bit]): Harm =>
        (bytes) => {
          const flipped = Buffer.from(bytes);
          if (bytes.length > 0) flipped[at(bytes, share)] = (bytes[at(bytes, share)] ?? 0) ^ (1 << bit);
          return flipped;
        },
    ),
    place.map(
      (share): Harm =>
        (bytes) =>
          bytes.subarray(0, at(bytes, share)),
    ),
    fc.tuple(place, fc.constantFrom(...VARINTS), fc.boolean()).map(
      ([share, varint, replaces]): Harm =>
        (bytes) =>
          splice(bytes, at(bytes, share), at(bytes, share) + (replaces ? 1 : 0), varint),
    ),
    fc.tuple(place, place).map(
      ([a, b]): Harm =>
        (bytes) =>
          splice(bytes, at(bytes, Math.min(a, b)), at(bytes, Math.max(a, b)), Buffer.alloc(0)),
    ),
    fc.tuple(place, fc.uint8Array({ maxLength: 40 })).map(
      ([share, put]): Harm =>
        (bytes) =>
          splice(bytes, at(bytes, share), at(bytes, share), put),
    ),
    fc.tuple(place, place, fc.constantFrom(...others)).map(
      ([share, from, other]): Harm =>
        (bytes) =>
          Buffer.concat([bytes.subarray(0, at(bytes, share)), other.subarray(at(other, from))]),
    ),
  );
}

/** One of these bytes, changed in one to four places: bits, lengths, numbers, parts of another one spliced in. */
export function harmed(valid: readonly Buffer[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(harm(valid), { minLength: 1, maxLength: 4 }))
    .map(([bytes, harms]) => harms.reduce((result, change) => change(result), bytes));
}

/** Stands for a value that is nested very deeply: as a value, even the tools of tests run out of stack. */
const DEEP = 'a value nested very deeply';

/** Values that a reader of JSON may trip over. */
const VALUES: readonly Json[] = [
  null,
  true,
  -1,
  0.5,
  2 ** 53,
  2 ** 60,
  1e308,
  '',
  'x'.repeat(5000),
  '../../etc/passwd',
  '0'.repeat(64),
  'f'.repeat(32),
  [],
  {},
  { toString: 1, valueOf: null },
  JSON.parse('{"__proto__":{"a":1},"constructor":1}') as Json,
  DEEP,
];

/** The text of one of these documents, changed in one to three places: values replaced, members removed or doubled. */
export function harmedJson(valid: readonly Json[]): fc.Arbitrary<string> {
  const change = fc.record({
    path: fc.array(fc.nat(30), { minLength: 1, maxLength: 6 }),
    action: fc.constantFrom('replace', 'replace', 'remove', 'double'),
    value: fc.oneof(fc.constantFrom(...VALUES), fc.jsonValue() as fc.Arbitrary<Json>),
  });
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 3 }))
    .map(([document, changes]) => {
      const copy = structuredClone(document) as Json;
      for (const { path, action, value } of changes) changeAt(copy, path, action, value);
      return JSON.stringify(copy).replace(
        JSON.stringify(DEEP),
        `${'['.repeat(20_000)}1${']'.repeat(20_000)}`,
      );
    });
}

function changeAt(holder: Json, path: readonly number[], action: string, value: Json): void {
  const [step = 0, ...rest] = path;
  const names = Object.keys(holder as object);
  const name = names[step % names.length];
  if (name === undefined) return;
  const inner = (holder as JsonObject)[name];
  if (rest.length > 0 && typeof inner === 'object' && inner !== null) changeAt(inner, rest, action, value);
  else changeMember(holder as Record<string, Json>, name, action, value);
}

function changeMember(holder: Record<string, Json>, name: string, action: string, value: Json): void {
  if (action === 'replace') holder[name] = value;
  else if (!Array.isArray(holder)) delete holder[name];
  else if (action === 'remove') holder.splice(Number(name), 1);
  else holder.splice(Number(name), 0, holder[Number(name)]);
}

const LONGEST_MS = 10_000;

/**
 * Runs a decoder on what somebody else may have written: it may give a result or a typed error, soon, and must not ask
 * for more memory at once than `mostBytes`, whatever lengths the input claims.
 *
 * @returns whether it was taken
 */
function expectBounded(mostBytes: number, decode: () => unknown): boolean {
  const began = performance.now();
  const memory = watchAllocations();
  try {
    decode();
    return true;
  } catch (error) {
    if (!(error instanceof HoldfastError) || error.code === 'E_INTERNAL') throw error;
    return false;
  } finally {
    memory.stop();
    expect(memory.most()).toBeLessThanOrEqual(mostBytes);
    expect(performance.now() - began).toBeLessThan(LONGEST_MS);
  }
}

/** Sees every allocation of a buffer, also of those that are gone again before anyone could measure. */
function watchAllocations() {
  let most = 0;
  const { alloc, allocUnsafe, allocUnsafeSlow } = Buffer;
  const Original = globalThis.ArrayBuffer;
  const saw = <T>(bytes: T): T => {
    if (typeof bytes === 'number') most = Math.max(most, bytes);
    return bytes;
  };
  Buffer.alloc = (size: number, ...rest: []) => alloc.call(Buffer, saw(size), ...rest);
  Buffer.allocUnsafe = (size) => allocUnsafe.call(Buffer, saw(size));
  Buffer.allocUnsafeSlow = (size) => allocUnsafeSlow.call(Buffer, saw(size));
  globalThis.ArrayBuffer = new Proxy(Original, {
    construct: (target, [bytes, ...rest]) => Reflect.construct(target, [saw(bytes), ...rest]) as object,
  });
  return {
    most: () => most,
    stop: () => {
      Object.assign(Buffer, { alloc, allocUnsafe, allocUnsafeSlow });
      globalThis.ArrayBuffer = Original;
    },
  };
}

/** What a decoder may ask for at once: some chunks of the tests, or what zlib begins with. */
const MOST_BYTES = 1 * MiB;

/** A decoder meets inputs that nobody wrote: 40 in the short form, 200 in the full form, 33,000 in the long form: a million for all. */
export function meets<T>(
  title: string,
  inputs: fc.Arbitrary<T>,
  decode: (input: T) => unknown,
  mostBytes = MOST_BYTES,
): void {
  it(
    title,
    () => {
      const property = fc.property(inputs, (input) => void expectBounded(mostBytes, () => decode(input)));
      fc.assert(property, { numRuns: cases(40, 200, 33_000), seed: testSeed });
    },
    tortureTimeoutMs,
  );
}

/** What is valid must be taken, or all that follows would only ever meet the first check. */
export function takes<T>(valid: readonly T[], decode: (input: T) => unknown, mostBytes = MOST_BYTES): void {
  for (const input of valid) expect(expectBounded(mostBytes, () => decode(input))).toBe(true);
}
