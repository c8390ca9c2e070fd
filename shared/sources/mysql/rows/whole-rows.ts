import { copyInto } from '../../../core/copy-into.ts';
import { KiB } from '../../../core/units.ts';
import { engine } from '../../../core/wasm-engine.ts';
import { MODULE } from './rows-module.ts';

/** Of rows that are looked at by one call: as much as one read of a socket gives. */
const IN_BYTES = 64 * KiB;
/** The module reads and writes up to 16 bytes too far. */
const SPARE_BYTES = 32;
/** The module may have data of its own at the beginning. */
const IN_AT = 1024;
const OUT_AT = IN_AT + IN_BYTES + SPARE_BYTES;
const PAGE_BYTES = 64 * KiB;

interface Exports {
  takeRows(start: number, end: number, out: number, outEnd: number, columns: number): number;
  writtenTo(): number;
}

interface Instance {
  readonly call: Exports;
  readonly bytes: Buffer;
}

/** One for the thread: nothing stays in it from call to call. */
let instance: Instance | undefined;

/** How many bytes of rows became how many bytes of records. */
export interface WholeRows {
  readonly takenBytes: number;
  readonly recordBytes: number;
}

/**
 * Writes the records of the rows at the beginning of `bytes` that are there whole into `block`, as long as they surely fit: rows
 * of 16 MB, wrong ones and what comes after the rows are left.
 */
export function takeWholeRows(bytes: Uint8Array, block: Buffer, columns: number): WholeRows {
  instance ??= newInstance(block.length);
  if (instance.bytes.length < OUT_AT + block.length + SPARE_BYTES) instance = newInstance(block.length);
  const { call, bytes: memory } = instance;
  const these = bytes.subarray(0, IN_BYTES);
  copyInto(memory, IN_AT, these);
  const to = call.takeRows(IN_AT, IN_AT + these.length, OUT_AT, OUT_AT + block.length, columns);
  const end = call.writtenTo();
  memory.copy(block, 0, OUT_AT, end);
  return { takenBytes: to - IN_AT, recordBytes: end - OUT_AT };
}

function newInstance(blockBytes: number): Instance {
  const pages = Math.ceil((OUT_AT + blockBytes + SPARE_BYTES) / PAGE_BYTES);
  const memory = new engine.Memory({ initial: pages });
  const made = new engine.Instance(new engine.Module(Buffer.from(MODULE, 'base64')), { env: { memory } });
  return { call: made.exports as Exports, bytes: Buffer.from(memory.buffer) };
}
