import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  findLostRecords,
  type LostRange,
  type Segment,
} from '../../../../shared/jobs/repair/lost-records.ts';
import { cases } from '../../../support/repository/torture.ts';

interface Piece {
  readonly bytes: Buffer;
  readonly state: 'good' | 'lost' | 'unknown';
}

async function* segmentsOf(pieces: readonly Piece[]): AsyncGenerator<Segment> {
  for (const { bytes, state } of pieces) {
    const records = bytes.toString().split('\n').length - 1;
    const endsInside = bytes.at(-1) !== 0x0a;
    const size = { plainBytes: bytes.length, records };
    if (state === 'good') {
      const newlines = async () => ({ first: bytes.indexOf(10), last: bytes.lastIndexOf(10) });
      yield { kind: 'good', ...size, endsInside, newlines };
    } else {
      const known = state === 'lost' ? endsInside : undefined;
      yield { kind: 'lost', ...size, endsInside: known, problem: 'gone' };
    }
  }
}

/** A stream of records cut anywhere, with pieces of it lost. */
const streams = fc
  .record({
    records: fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: 12 }),
    cuts: fc.array(fc.nat(160), { maxLength: 14 }),
    states: fc.array(fc.constantFrom('good', 'good', 'lost', 'unknown'), { minLength: 15, maxLength: 15 }),
  })
  .map(({ records, cuts, states }) => {
    const text = Buffer.from(records.map((length) => `${'x'.repeat(length)}\n`).join(''));
    const ends = [...new Set([...cuts.filter((cut) => cut > 0 && cut < text.length), text.length])];
    ends.sort((a, b) => a - b);
    return ends.map(
      (end, i): Piece => ({
        bytes: text.subarray(ends[i - 1] ?? 0, end),
        state: states[i] as Piece['state'],
      }),
    );
  });

/** The slow way: a record is left when all its bytes are, and it is known where it begins. */
function recordsLeft(pieces: readonly Piece[]): boolean[] {
  const bytes = pieces.flatMap(({ bytes, state }) => Array.from(bytes, (byte) => ({ byte, state })));
  const left: boolean[] = [];
  let isWhole = true;
  for (const [i, { byte, state }] of bytes.entries()) {
    const isStart = i === 0 || bytes[i - 1]?.byte === 10;
    if (isStart) isWhole = !(state === 'good' && bytes[i - 1]?.state === 'unknown');
    if (state !== 'good') isWhole = false;
    if (byte === 10) left.push(isWhole);
  }
  return left;
}

function textOf(pieces: readonly Piece[]): string {
  return Buffer.concat(pieces.map(({ bytes }) => bytes)).toString();
}

describe('gaps', () => {
  it('are the records of which something is lost, and no others', async () => {
    await fc.assert(
      fc.asyncProperty(streams, async (pieces) => {
        const gaps: readonly LostRange[] = await findLostRecords(segmentsOf(pieces));
        const left = recordsLeft(pieces);
        const text = textOf(pieces);
        const starts = [0, ...[...text.matchAll(/\n/g)].map(({ index }) => index + 1)];
        const inGaps = left.map(() => true);
        for (const { start, end, fromRecord, records } of gaps) {
          expect(start).toBe(starts[fromRecord - 1]);
          expect(end).toBe(starts[fromRecord - 1 + records]);
          inGaps.fill(false, fromRecord - 1, fromRecord - 1 + records);
        }
        expect(inGaps).toEqual(left);
      }),
      { numRuns: cases(600, 3000, 30000) },
    );
  });

  it('are none where nothing is lost', async () => {
    expect(
      await findLostRecords(
        segmentsOf([
          { bytes: Buffer.from('a\nb'), state: 'good' },
          { bytes: Buffer.from('c\n'), state: 'good' },
        ]),
      ),
    ).toEqual([]);
  });
});
