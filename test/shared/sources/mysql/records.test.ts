import fc from 'fast-check';
import { describe, expect } from 'vitest';
import { InsertStatements } from '../../../../shared/sources/mysql/rows/insert-statements.ts';
import { parseRecord } from '../../../../shared/sources/mysql/rows/record-values.ts';
import { RowFrames } from '../../../../shared/sources/mysql/rows/row-frames.ts';
import { splitRecords } from '../../../../shared/sources/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(3);

/** Bytes that mean something to one of the formats, more often than others. */
const byte = fc.oneof(fc.constantFrom(0, 9, 10, 13, 26, 34, 39, 78, 92), fc.nat(255));
const value = fc.option(
  fc.oneof(
    { arbitrary: fc.array(byte, { maxLength: 40 }), weight: 9 },
    // Its length takes more than a byte.
    { arbitrary: fc.array(byte, { minLength: 250, maxLength: 300 }), weight: 1 },
  ),
  { nil: null },
);
const rows = fc
  .nat(4)
  .chain((n) => fc.array(fc.array(value, { minLength: n + 1, maxLength: n + 1 }), { maxLength: 20 }));
type Rows = readonly (readonly (readonly number[] | null)[])[];

/** Section "Text Resultset Row" of the protocol's manual. */
function packetsOf(all: Rows): Buffer {
  const packets = all.map((row) =>
    Buffer.concat(row.map((one) => (one === null ? Buffer.from([0xfb]) : prefixed(one)))),
  );
  packets.push(Buffer.from([0xfe, 0, 0, 2, 0]));
  return Buffer.concat(
    packets.map((body, i) =>
      Buffer.concat([Buffer.from([body.length & 255, body.length >> 8, body.length >> 16, i & 255]), body]),
    ),
  );
}

/** Section "Protocol::LengthEncodedInteger", up to 65,535. */
function prefixed(bytes: readonly number[]): Buffer {
  const { length } = bytes;
  return Buffer.from([...(length < 251 ? [length] : [0xfc, length & 255, length >> 8]), ...bytes]);
}

/** Section "LOAD DATA", "Field and Line Handling". */
function recordsOf(all: Rows): Buffer {
  const escapes = new Map([
    [0, '\\0'],
    [9, '\\t'],
    [10, '\\n'],
    [92, '\\\\'],
  ]);
  const field = (one: readonly number[] | null) =>
    one === null ? '\\N' : one.map((byte) => escapes.get(byte) ?? String.fromCharCode(byte)).join('');
  return Buffer.from(all.map((row) => `${row.map(field).join('\t')}\n`).join(''), 'latin1');
}

function read(
  bytes: Buffer,
  columns: number,
  { pieces, blockBytes }: { pieces: number; blockBytes: number },
): Buffer {
  const frames = new RowFrames(columns, blockBytes);
  const out: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieces) {
    const piece = bytes.subarray(at, at + pieces);
    for (let done = 0; done < piece.length && !frames.ready; ) {
      done = frames.consume(piece, done);
      if (frames.full) out.push(Buffer.from(frames.take()));
    }
  }
  expect(frames.ready).toBe(true);
  out.push(Buffer.from(frames.take()));
  return Buffer.concat(out);
}

describe('records of rows', () => {
  it('are what LOAD DATA reads, wherever the network and the blocks cut', () => {
    fc.assert(
      fc.property(
        rows,
        // Rows are cut, or whole.
        fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 200, max: 5000 })),
        fc.oneof(fc.integer({ min: 8, max: 64 }), fc.integer({ min: 1000, max: 9000 })),
        (all, pieces, blockBytes) => {
          const records = read(packetsOf(all), all[0]?.length ?? 1, { pieces, blockBytes });
          expect(records.toString('latin1')).toBe(recordsOf(all).toString('latin1'));
        },
      ),
    );
  });

  it('go on over packets of 16 MB, also where a value or a row ends with one', () => {
    const full = 0xffffff;
    for (const [first, second] of [
      [full - 5, 10],
      [full - 9, 3],
      [full - 4, 0],
      [20, full + 7],
      [full * 2, 1],
    ] as const) {
      const values = [Buffer.alloc(first, 'a'), Buffer.alloc(second, 'b')];
      const body = Buffer.concat(
        values.map((one) => Buffer.concat([Buffer.from([0xfe]), u64(one.length), one])),
      );
      const packets: Buffer[] = [];
      for (let at = 0; ; at += full) {
        const part = body.subarray(at, at + full);
        packets.push(Buffer.from([part.length & 255, (part.length >> 8) & 255, part.length >> 16, 0]), part);
        if (part.length < full) break;
      }
      packets.push(Buffer.from([5, 0, 0, 1, 0xfe, 0, 0, 2, 0]));
      const records = read(Buffer.concat(packets), 2, { pieces: 65_536, blockBytes: 131_072 });
      expect(records.length).toBe(first + second + 2);
      expect(
        records.equals(Buffer.concat([values[0]!, Buffer.from('\t'), values[1]!, Buffer.from('\n')])),
      ).toBe(true);
    }
  });

  it('give their values back', async () => {
    await fc.assert(
      fc.asyncProperty(rows, fc.integer({ min: 1, max: 30 }), async (all, pieces) => {
        const found: (readonly (readonly number[] | null)[])[] = [];
        for await (const record of splitRecords(cut(recordsOf(all), pieces)))
          found.push(parseRecord(record).map((one) => one && [...one]));
        expect(found).toEqual(all);
      }),
    );
  });

  it('become statements that mean the same, wherever the blocks end', () => {
    fc.assert(
      fc.property(rows, fc.integer({ min: 1, max: 30 }), (all, pieces) => {
        const columns = (all[0] ?? [null]).map(
          (_, i) => ({ name: `c${i}`, type: 'blob', class: 'binary', charset: null }) as const,
        );
        const statements = new InsertStatements({ table: 't', columns });
        const sent: Buffer[] = [];
        const bytes = recordsOf(all);
        for (let at = 0; at < bytes.length; at += pieces)
          for (const piece of statements.feed(bytes.subarray(at, at + pieces)))
            sent.push(Buffer.from(piece.bytes));
        for (const piece of statements.finish()) sent.push(Buffer.from(piece.bytes));
        expect(Buffer.concat(sent).toString('latin1')).toBe(statementOf(all));
      }),
    );
  });

  it.each(['a\n', 'a\tb', '\\Nx\ta\n', 'a\\x\tb\n', 'a\tb\tc\n'])('%j is refused of two columns', (text) => {
    const columns = ['a', 'b'].map(
      (name) => ({ name, type: 'int', class: 'number', charset: null }) as const,
    );
    const statements = new InsertStatements({ table: 't', columns });
    expect(() => {
      [...statements.feed(Buffer.from(text))];
      [...statements.finish()];
    }).toThrow(/record/);
  });
});

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}

async function* cut(bytes: Buffer, pieces: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieces) yield bytes.subarray(at, at + pieces);
}

/** By hand: each value quoted, with the escapes of the record. */
function statementOf(all: Rows): string {
  if (all.length === 0) return '';
  const names = all[0]!.map((_, i) => `\`c${i}\``).join(', ');
  const shown = recordsOf(all)
    .toString('latin1')
    .split('\n')
    .slice(0, -1)
    .map(
      (line) =>
        `(${line
          .split('\t')
          .map((field) => (field === '\\N' ? 'NULL' : `_binary'${field.replaceAll("'", "''")}'`))
          .join(',')})`,
    );
  return `\x03INSERT INTO \`t\` (${names}) VALUES ${shown.join(',')}`;
}
