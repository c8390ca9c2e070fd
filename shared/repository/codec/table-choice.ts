import { releaseMemory } from '../../core/buffer-memory.ts';
import { KiB } from '../../core/units.ts';
import { encodeFull, encodeJsonLines, encodeTable } from '../../format/codec.ts';

const NEWLINE = 0x0a;
const TAB = 0x09;
const BRACES = new Set(Buffer.from('{['));
/** Smaller chunks are encoded both ways each time: their result says nothing of larger ones. */
const TELLING_BYTES = 64 * KiB;
/** Among tables with the same number of fields, this many chunks follow the result of one trial. */
const TRIAL_EVERY = 32;
/** Columns compress at a lower level as well as rows do at a higher one, in less time: docs/internals/performance.md. */
const LEVELS_LESS = 2;
const JSON_LINES = 0;

/** Which tables and lines of JSON are stored as columns: now and then a chunk is encoded both ways, and what is smaller is kept. */
export class TableChoice {
  readonly #level: number;
  /** By the number of fields, or JSON_LINES. */
  readonly #byKind = new Map<number, { readonly asColumns: boolean; left: number }>();

  /** @param level zstd's, of rows; at least 1 */
  constructor(level: number) {
    this.#level = level;
  }

  /** A chunk encoded as columns; undefined: store it in another way. */
  encode(plain: Buffer): Buffer | undefined {
    const fields = fieldsOf(plain);
    if (fields === 0) return undefined;
    const isJson = fields === 1 && BRACES.has(plain[0] ?? 0);
    const kind = isJson ? JSON_LINES : fields;
    if (plain.length < TELLING_BYTES) return this.#tryBoth(plain, kind).item;
    const known = this.#byKind.get(kind);
    if (!known || known.left === 0) return this.#try(plain, kind);
    known.left--;
    return known.asColumns ? this.#columns(plain, kind) : undefined;
  }

  #try(plain: Buffer, kind: number): Buffer {
    const { item, asColumns } = this.#tryBoth(plain, kind);
    this.#byKind.set(kind, { asColumns, left: TRIAL_EVERY - 1 });
    return item;
  }

  #tryBoth(plain: Buffer, kind: number): { readonly item: Buffer; readonly asColumns: boolean } {
    const rows = encodeFull(plain, this.#level);
    const table = this.#columns(plain, kind);
    const asColumns = table !== undefined && table.length < rows.length;
    if (table) releaseMemory(asColumns ? rows : table);
    return { item: asColumns ? table : rows, asColumns };
  }

  #columns(plain: Buffer, kind: number): Buffer | undefined {
    const level = Math.max(1, this.#level - LEVELS_LESS);
    return kind === JSON_LINES ? encodeJsonLines(plain, level) : encodeTable(plain, level);
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
