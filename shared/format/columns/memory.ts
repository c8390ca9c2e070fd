import { copyInto } from '../../core/copy-into.ts';
import { engine, type WasmMemory } from '../../core/wasm-engine.ts';
import { MODULE } from './module.ts';

/** Spare bytes after every area, which 16-byte scans and copies may touch. */
export const SPARE_BYTES = 32;
/** Below are the module's own tables. */
const FIRST_AREA = 8192;
const PAGE_BYTES = 65_536;

/** What the module reports about a column: see `columns.assembly.ts`. */
const RESULT = {
  firstBytes: 0,
  secondBytes: 4,
  flags: 8,
  form: 12,
  width: 16,
  affixAt: 20,
  affixBytes: 24,
  count: 28,
  base: 32,
} as const;

/** What the module wrote, and how a column was stored. */
export interface ColumnResult {
  readonly firstBytes: number;
  readonly secondBytes: number;
  readonly flags: number;
  readonly form: number;
  readonly width: number;
  readonly affixAt: number;
  readonly affixBytes: number;
  readonly count: number;
  readonly base: bigint;
}

/** Pointers and sizes in bytes; all of `columns.assembly.ts`. */
interface Exports {
  resultAt(): number;
  findFields(at: number, bytes: number, ends: number, mostFields: number, mostEnds: number): number;
  encodeColumn(
    at: number,
    ends: number,
    rows: number,
    fields: number,
    field: number,
    out: number,
    scratch: number,
  ): number;
  countNulls(nulls: number, rows: number): number;
  decodeConstant(value: number, bytes: number, rows: number, out: number, room: number): number;
  decodeDictionary(
    entries: number,
    entryBytes: number,
    count: number,
    indexes: number,
    rows: number,
    starts: number,
    out: number,
    room: number,
  ): number;
  decodeNumbers(
    planes: number,
    count: number,
    width: number,
    flags: number,
    scale: number,
    base: bigint,
    nulls: number,
    rows: number,
    out: number,
    room: number,
  ): number;
  decodeTimes(
    planes: number,
    count: number,
    width: number,
    flags: number,
    form: number,
    base: bigint,
    nulls: number,
    suffix: number,
    suffixBytes: number,
    rows: number,
    out: number,
    room: number,
  ): number;
  decodeHex(
    packed: number,
    width: number,
    isUuid: number,
    nulls: number,
    prefix: number,
    prefixBytes: number,
    rows: number,
    out: number,
    room: number,
  ): number;
  joinColumns(columns: number, fields: number, rows: number, out: number, room: number): number;
}

/** Compiled once for a thread. */
let compiled: object | undefined;

/** The WebAssembly module with a memory of its own. */
export class ModuleMemory<Functions> {
  readonly call: Functions;
  readonly #memory: WasmMemory;
  #bytes: Buffer;

  constructor() {
    compiled ??= new engine.Module(Buffer.from(MODULE, 'base64'));
    this.#memory = new engine.Memory({ initial: 1 });
    const instance = new engine.Instance(compiled, { env: { memory: this.#memory } });
    this.call = instance.exports as Functions;
    this.#bytes = Buffer.from(this.#memory.buffer);
  }

  /** Positions of areas of these sizes, one after the other; their former content is lost. */
  layOut(...sizes: readonly number[]): number[] {
    let at = FIRST_AREA;
    const places = sizes.map((size) => {
      const place = at;
      at = (at + size + SPARE_BYTES + 15) & ~15;
      return place;
    });
    const missing = Math.ceil((at - this.#memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) {
      this.#memory.grow(missing);
      this.#bytes = Buffer.from(this.#memory.buffer);
    }
    return places;
  }

  /** @param bytes also of shared memory, from which `set` would go byte by byte */
  write(at: number, bytes: Uint8Array): void {
    copyInto(this.#bytes, at, bytes);
  }

  move(from: number, to: number, bytes: number): void {
    this.#bytes.copyWithin(to, from, from + bytes);
  }

  writeU32(at: number, value: number): void {
    this.#bytes.writeUInt32LE(value, at);
  }

  /** A view, until areas are laid out again. */
  view(at: number, bytes: number): Buffer {
    return this.#bytes.subarray(at, at + bytes);
  }

  u32(at: number): number {
    return this.#bytes.readUInt32LE(at);
  }

  i64(at: number): bigint {
    return this.#bytes.readBigInt64LE(at);
  }
}

/** Where columns are made and read. */
export class ColumnMemory extends ModuleMemory<Exports> {
  /** Facts about the last encoded column. */
  result(): ColumnResult {
    const at = this.call.resultAt();
    const u32 = (offset: number) => this.u32(at + offset);
    return {
      firstBytes: u32(RESULT.firstBytes),
      secondBytes: u32(RESULT.secondBytes),
      flags: u32(RESULT.flags),
      form: u32(RESULT.form),
      width: u32(RESULT.width),
      affixAt: u32(RESULT.affixAt),
      affixBytes: u32(RESULT.affixBytes),
      count: u32(RESULT.count),
      base: this.i64(at + RESULT.base),
    };
  }
}

let ofThread: ColumnMemory | undefined;

/** The one of this thread. */
export function columnMemory(): ColumnMemory {
  ofThread ??= new ColumnMemory();
  return ofThread;
}
