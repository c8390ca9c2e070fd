import { engine, type WasmMemory } from '../core/wasm-engine.ts';

/** The few instructions of WebAssembly (Core Specification 2.0, 5.4) that the cut test uses, as bytes. */

export type Code = readonly number[];

/** The type of 32-bit integers. */
export const I32 = 0x7f;
/** The type of 64-bit integers. */
export const I64 = 0x7e;
/** The type of vectors of 16 bytes. */
export const V128 = 0x7b;

const unsigned = (n: number): number[] =>
  n < 128 ? [n] : [(n & 127) | 128, ...unsigned(Math.floor(n / 128))];

function signed(n: bigint): number[] {
  const low = Number(BigInt.asUintN(7, n));
  const rest = n >> 7n;
  const isAll = rest === 0n ? low < 64 : rest === -1n && low >= 64;
  return isAll ? [low] : [low | 128, ...signed(rest)];
}

const vector = (instruction: number): Code => [0xfd, ...unsigned(instruction)];

/** `local.get` */
export const get = (local: number): Code => [0x20, local];
/** `local.set` */
export const set = (local: number): Code => [0x21, local];
/** `local.tee` */
export const tee = (local: number): Code => [0x22, local];

/** `block`: branches to it go to its end. */
export const block: Code = [0x02, 0x40];
/** `loop`: branches to it go to its beginning. */
export const loop: Code = [0x03, 0x40];
/** `if` */
export const when: Code = [0x04, 0x40];
/** `else` */
export const otherwise: Code = [0x05];
/** `end` */
export const end: Code = [0x0b];
/** `br` */
export const branch = (depth: number): Code => [0x0c, depth];
/** `br_if` */
export const branchIf = (depth: number): Code => [0x0d, depth];
/** `return` */
export const give: Code = [0x0f];

/** `i32.const` */
export const const32 = (n: number): Code => [0x41, ...signed(BigInt(n))];
/** `i32.eqz` */
export const isZero32: Code = [0x45];
/** `i32.lt_u` */
export const less32: Code = [0x49];
/** `i32.gt_u` */
export const greater32: Code = [0x4b];
/** `i32.ctz` */
export const trailingZeros32: Code = [0x68];
/** `i32.add` */
export const add32: Code = [0x6a];
/** `i32.sub` */
export const sub32: Code = [0x6b];

/** `i64.const` */
export const const64 = (n: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, n))];
/** `i64.lt_u` */
export const less64: Code = [0x54];
/** `i64.add` */
export const add64: Code = [0x7c];
/** `i64.mul` */
export const mul64: Code = [0x7e];
/** The low half of 64 bits; 32 bits as 64. */
export const low32: Code = [0xa7];
/** `i64.extend_i32_u` */
export const widen: Code = [0xad];

/** Loads declare byte alignment. */
export const load128 = (offset: number): Code => [...vector(0x00), 0, ...unsigned(offset)];
/** Eight bytes twice: from memory, from a number. */
export const loadTwice64 = (offset: number): Code => [...vector(0x0a), 0, ...unsigned(offset)];
/** `i64x2.splat` */
export const twice64: Code = vector(0x12);
/** Sixteen bytes picked from two vectors by their places. */
export const shuffle = (places: Code): Code => [...vector(0x0d), ...places];
/** `i8x16.splat` */
export const splat8: Code = vector(0x0f);
/** `i64x2.extract_lane` */
export const lane64 = (lane: number): Code => [...vector(0x1d), lane];
/** `i64x2.replace_lane` */
export const setLane64 = (lane: number): Code => [...vector(0x1e), lane];
/** `i8x16.eq` */
export const equal8x16: Code = vector(0x23);
/** One bit for each of sixteen bytes, set if it is not zero. */
export const bits8x16: Code = vector(0x64);
/** `v128.or` */
export const or128: Code = vector(0x50);
/** `v128.xor` */
export const xor128: Code = vector(0x51);
/** `i32x4.add` */
export const add32x4: Code = vector(0xae);
/** `i64x2.shl` */
export const shiftLeft64x2: Code = vector(0xcb);
/** `i64x2.shr_u` */
export const shiftRight64x2: Code = vector(0xcd);
/** `i64x2.add` */
export const add64x2: Code = vector(0xce);
/** 64-bit products of the lower, and of the upper, two of four 32-bit numbers. */
export const mulLow32x4: Code = vector(0xde);
/** `i64x2.extmul_high_i32x4_u` */
export const mulHigh32x4: Code = vector(0xdf);

/** A module that exports one page of memory, `memory`, and one function, `run`. */
export function moduleOf({
  parameters,
  locals,
  body,
}: {
  readonly parameters: Code;
  /** How many of each type. */
  readonly locals: readonly (readonly [count: number, type: number])[];
  readonly body: Code;
}): Uint8Array<ArrayBuffer> {
  const type = [1, 0x60, parameters.length, ...parameters, 1, I32];
  const code = [locals.length, ...locals.flatMap(([count, of]) => [...unsigned(count), of]), ...body, ...end];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, type),
    ...section(3, [1, 0]),
    ...section(5, [1, 0, 1]),
    ...section(7, [2, ...exported('memory', 2), ...exported('run', 0)]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

const exported = (name: string, kind: number): number[] => [name.length, ...Buffer.from(name), kind, 0];

const section = (id: number, content: Code): number[] => [id, ...unsigned(content.length), ...content];

/** @returns makes an instance of the module with its own memory; compiled with the first instance */
export function instancesOf<Run>(
  module: Uint8Array<ArrayBuffer>,
): () => { readonly memory: Uint8Array<ArrayBuffer>; readonly run: Run } {
  let compiled: object | undefined;
  return () => {
    compiled ??= new engine.Module(module);
    const { exports } = new engine.Instance(compiled);
    const { memory, run } = exports as {
      readonly memory: WasmMemory;
      readonly run: Run;
    };
    return { memory: new Uint8Array(memory.buffer), run };
  };
}
