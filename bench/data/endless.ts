import { tableRow } from './table.ts';

const BLOCK_BYTES = 1 << 20;
const BLOCKS = 8;
const FIRST_ID = '0000000000';
const [ZERO, NINE] = [0x30, 0x39];
/** At the end of a row that is changed. */
const CHANGED = Buffer.from(' changed');
const HUNDREDTH = 2 ** 32 / 100;

interface Block {
  readonly bytes: Buffer;
  readonly rowStarts: readonly number[];
}

/**
 * Rows as of a table dump, for as many bytes as are wanted, made while they are read: 8 MB of rows again and again, each
 * time with ids of their own. Whoever compresses sees no repetition in less than 8 MB.
 *
 * @param version 0, or which 1 % of the rows have another end
 */
export function* endlessRows(bytes: number, version: number): Generator<Buffer> {
  const blocks = makeBlocks();
  const out = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  const digits = Buffer.from(FIRST_ID);
  let id = 0;
  for (let given = 0; given < bytes; ) {
    for (const { bytes: plain, rowStarts } of blocks) {
      plain.copy(out);
      for (let i = 0; i < rowStarts.length; i++, id++) {
        digits.copy(out, rowStarts[i]);
        increment(digits);
        const end = (rowStarts[i + 1] ?? plain.length) - 1;
        if (version > 0 && isChanged(id, version)) CHANGED.copy(out, end - CHANGED.length);
      }
      yield out.subarray(0, plain.length);
      given += plain.length;
      if (given >= bytes) return;
    }
  }
}

function makeBlocks(): Block[] {
  let row = 0;
  return Array.from({ length: BLOCKS }, () => {
    const rows: Buffer[] = [];
    const rowStarts: number[] = [];
    let length = 0;
    for (;;) {
      const bytes = Buffer.from(`${FIRST_ID}${tableRow(row).replace(/^\d+/, '')}`);
      if (length + bytes.length > BLOCK_BYTES) return { bytes: Buffer.concat(rows), rowStarts };
      rows.push(bytes);
      rowStarts.push(length);
      length += bytes.length;
      row++;
    }
  });
}

/** Adds one to a number that is written in digits. */
function increment(digits: Buffer): void {
  for (let at = digits.length - 1; at >= 0; at--) {
    const digit = digits[at] ?? NINE;
    digits[at] = digit === NINE ? ZERO : digit + 1;
    if (digit !== NINE) return;
  }
}

function isChanged(id: number, version: number): boolean {
  let h = Math.imul(id ^ (version << 24), 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  return (h ^ (h >>> 13)) >>> 0 < HUNDREDTH;
}
