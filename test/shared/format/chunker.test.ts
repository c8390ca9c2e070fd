import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { Chunker, type CutTest, type ParentCut } from '../../../shared/format/chunker.ts';
import { GearCuts } from '../../../shared/format/gear.ts';
import { KeyedCuts } from '../../../shared/format/keyed-cuts.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';

const PARAMETERS = { minBytes: 1024, averageBytes: 4096, maxBytes: 16_384 };
const SECRET = Buffer.alloc(32, 1);
/** Another value means that every repository of that format stores everything again on its next backup. */
const FORMATS = [
  {
    format: 1,
    test: new GearCuts(PARAMETERS, SECRET),
    pinned: '102 b0c89587e9828a1b25c79faf7dab05b28420993c83ceb0983e4e4f92c5845528',
  },
  {
    format: 2,
    test: new KeyedCuts(PARAMETERS, SECRET),
    pinned: '96 9d66d24ed7a7d0dee6379996cc61041dcc2b43398c77e47fa840d23c71a7ef22',
  },
];

interface Chunk extends ParentCut {
  readonly bytes: Buffer;
  readonly parentIndex: number | undefined;
}

/** Cuts `stream`, given to the chunker in windows that grow by `step` bytes when it asks for more. */
function cutBy(
  test: CutTest,
  stream: Buffer,
  parent: readonly ParentCut[] = [],
  step = Number.POSITIVE_INFINITY,
): Chunk[] {
  const chunker = new Chunker(PARAMETERS, test, { count: parent.length, at: (i) => parent[i] });
  const chunks: Chunk[] = [];
  let start = 0;
  let end = 0;
  while (start < stream.length) {
    const cut = chunker.next(stream, start, end, end === stream.length);
    if (!cut) {
      end = Math.min(stream.length, end + step);
      continue;
    }
    const bytes = stream.subarray(start, cut.end);
    chunks.push({ ...cut, bytes, plainBytes: bytes.length });
    start = cut.end;
  }
  return chunks;
}

const ids = (chunks: readonly Chunk[]) =>
  chunks.map(({ bytes }) => createHash('sha256').update(bytes).digest('hex'));
const rows = seededRows(4000, 3);
const stream = Buffer.from(rows.join(''));

/** Share of chunks that are compared with the parent's chunk that shares most rows with them. */
function aligned(chunks: readonly Chunk[], first: readonly Chunk[]): number {
  const good = chunks.filter(({ bytes, parentIndex }) => {
    const parent = parentIndex === undefined ? undefined : first[parentIndex];
    const lines = bytes.toString().split('\n');
    const known = new Set(parent?.bytes.toString().split('\n'));
    return lines.filter((line) => known.has(line)).length > lines.length / 2;
  });
  return good.length / chunks.length;
}

describe.each(FORMATS)('chunker of format $format', ({ test, pinned }) => {
  const cutAll = (bytes: Buffer, parent?: readonly ParentCut[], step?: number) =>
    cutBy(test, bytes, parent, step);
  const first = cutAll(stream);
  const parentIds = new Set(ids(first));

  it('puts the stream into whole records within the sizes, about as large as asked for', () => {
    expect(Buffer.concat(first.map(({ bytes }) => bytes)).equals(stream)).toBe(true);
    for (const { bytes } of first.slice(0, -1)) {
      expect(bytes.at(-1)).toBe(10);
      expect(bytes.length).toBeGreaterThanOrEqual(PARAMETERS.minBytes);
      expect(bytes.length).toBeLessThanOrEqual(PARAMETERS.maxBytes);
    }
    expect(stream.length / first.length).toBeGreaterThan(PARAMETERS.averageBytes / 2);
    expect(stream.length / first.length).toBeLessThan(PARAMETERS.averageBytes * 2);
  });

  it.each([1, 7, 1000, 5000, 33_333])('cuts alike when the bytes come %i at a time', (step) => {
    // One byte at a time, every byte asks again: a part of the rows shows it.
    const some = step < 10 ? rows.slice(0, 400) : rows;
    const bytes = Buffer.from(some.join(''));
    expect(ids(cutAll(bytes, [], step))).toEqual(ids(cutAll(bytes)));
    const changed = Buffer.from(some.filter((_, i) => i % 50 !== 0).join(''));
    expect(ids(cutAll(changed, first, step))).toEqual(ids(cutAll(changed, first)));
  });

  it('keeps its chunks', () => {
    const all = createHash('sha256').update(ids(first).join('')).digest('hex');
    expect(`${first.length} ${all}`).toBe(pinned);
  });

  it('cuts an unchanged stream where its parent was cut', () => {
    const again = cutAll(stream, first);
    expect(ids(again)).toEqual(ids(first));
    expect(again.map(({ parentIndex }) => parentIndex)).toEqual(first.map((_, i) => i));
  });

  const random = seededRandom(11);
  const some = (share: number) => rows.map(() => random() < share);
  it.each([
    { title: 'rows were updated', flags: some(0.02), edit: (row: string) => row.replace('\t', '\tupdated') },
    { title: 'rows were removed', flags: some(0.02), edit: () => '' },
    {
      title: 'rows were inserted',
      flags: some(0.02),
      edit: (row: string) => row + row.replace('\t', '\tnew'),
    },
  ])('stays aligned with its parent where $title all over', ({ flags, edit }) => {
    const next = Buffer.from(rows.map((row, i) => (flags[i] ? edit(row) : row)).join(''));
    const chunks = cutAll(next, first);
    expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).equals(next)).toBe(true);
    expect(aligned(chunks, first)).toBeGreaterThan(0.97);
  });

  it.each([
    {
      title: 'many rows were inserted',
      next: [...rows.slice(0, 900), ...seededRows(700, 5, 10_000), ...rows.slice(900)],
    },
    { title: 'many rows were removed', next: [...rows.slice(0, 900), ...rows.slice(1700)] },
    { title: 'the beginning was removed', next: rows.slice(1200) },
  ])('finds the way back after $title', ({ next }) => {
    const chunks = cutAll(Buffer.from(next.join('')), first);
    const kept = ids(chunks).filter((id) => parentIds.has(id)).length;
    const possible =
      next.filter((row) => rows.includes(row)).join('').length / (stream.length / first.length);
    expect(kept).toBeGreaterThan(possible * 0.85);
  });

  it('adds to the last chunk when rows were appended', () => {
    const chunks = cutAll(Buffer.from([...rows, ...seededRows(20, 9, 50_000)].join('')), first);
    expect(ids(chunks).slice(0, first.length - 1)).toEqual(ids(first).slice(0, -1));
    expect(chunks[first.length - 1]?.parentIndex).toBe(first.length - 1);
  });

  it('cuts inside a record that is larger than a chunk may be, and follows such cuts', () => {
    const large = Buffer.concat([
      stream.subarray(0, 20_000),
      Buffer.alloc(60_000, 'x'),
      Buffer.from('\n'),
      stream,
    ]);
    const chunks = cutAll(large);
    expect(Buffer.concat(chunks.map(({ bytes }) => bytes)).equals(large)).toBe(true);
    expect(chunks.filter(({ endsInside }) => endsInside).length).toBeGreaterThan(2);
    expect(ids(cutAll(large, chunks))).toEqual(ids(chunks));
  });

  it('copes with records that are all alike', () => {
    const alike = Buffer.from('\n'.repeat(50_000));
    const chunks = cutAll(alike);
    expect(ids(cutAll(alike, chunks))).toEqual(ids(chunks));
    const fewer = Buffer.from('\n'.repeat(40_000));
    expect(cutAll(fewer, chunks).reduce((sum, { bytes }) => sum + bytes.length, 0)).toBe(40_000);
  });
});

describe('the chunk to compare with', () => {
  const row = (size: number, text: string) => `${text.padEnd(size - 1, text)}\n`;
  const many = (count: number, text: string) =>
    Array.from({ length: count }, (_, i) => row(128, `${text} ${i} `));
  const atMarks: CutTest = {
    propose(bytes, start, limit) {
      const at = bytes.indexOf('MARK', start);
      return at >= 0 && at < limit ? at : undefined;
    },
  };
  const streamWith = (grows: string, second: number) =>
    Buffer.from(
      [...many(127, 'first'), grows, ...many(second, 'second'), 'MARK\n', ...many(3, 'third')].join(''),
    );

  it.each([8, 40, 120])('is the one that a chunk goes on with after a full one, with %i rows', (second) => {
    const before = cutBy(atMarks, streamWith(row(100, 'a row '), second));
    expect(before.map(({ plainBytes }) => plainBytes)).toEqual([16_356, second * 128 + 5, 384]);
    const after = cutBy(atMarks, streamWith(row(150, 'a row, longer '), second), before);
    expect(after.map(({ plainBytes }) => plainBytes)).toEqual([16_256, 150 + second * 128 + 5, 384]);
    expect(after.map(({ parentIndex }) => parentIndex)).toEqual([0, 1, 2]);
  });
});
