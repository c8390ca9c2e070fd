import { releaseMemory } from '../../core/buffer-memory.ts';
import { encodeFull, encodeTable } from '../../format/codec.ts';

const NEWLINE = 0x0a;
const TAB = 0x09;
/** Of tables of as many fields, so many chunks are stored as the one was that was tried both ways. */
const TRIAL_EVERY = 32;
/** Columns compress at a lower level as well as rows do at a higher one, in less time: docs/internals/performance.md. */
const LEVELS_LESS = 2;

/** Which tables are stored as columns: now and then a chunk is encoded both ways, and what is smaller is kept. */
export class TableChoice {
  readonly #level: number;
  readonly #byFields = new Map<number, { readonly asColumns: boolean; left: number }>();

  /** @param level zstd's, of rows; at least 1 */
  constructor(level: number) {
    this.#level = level;
  }

  /** A chunk as it is stored; undefined: not as columns. */
  encode(plain: Buffer): Buffer | undefined {
    const fields = fieldsOf(plain);
    if (fields === 0) return undefined;
    const known = this.#byFields.get(fields);
    if (!known || known.left === 0) return this.#try(plain, fields);
    known.left--;
    return known.asColumns ? this.#table(plain) : undefined;
  }

  #try(plain: Buffer, fields: number): Buffer {
    const rows = encodeFull(plain, this.#level);
    const table = this.#table(plain);
    const asColumns = table !== undefined && table.length < rows.length;
    this.#byFields.set(fields, { asColumns, left: TRIAL_EVERY - 1 });
    if (table) releaseMemory(asColumns ? rows : table);
    return asColumns ? table : rows;
  }

  #table(plain: Buffer): Buffer | undefined {
    return encodeTable(plain, Math.max(1, this.#level - LEVELS_LESS));
  }
}

/** Fields of the first record; 0 if no record ends. */
function fieldsOf(plain: Buffer): number {
  const end = plain.indexOf(NEWLINE);
  if (end < 0) return 0;
  let fields = 1;
  for (let at = plain.indexOf(TAB); at >= 0 && at < end; at = plain.indexOf(TAB, at + 1)) fields++;
  return fields;
}
