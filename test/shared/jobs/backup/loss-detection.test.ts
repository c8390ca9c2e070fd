import { describe, expect, it } from 'vitest';
import { DEFAULT_SUSPECTS, type SuspectThresholds } from '../../../../shared/config/suspects.ts';
import { MiB } from '../../../../shared/core/units.ts';
import { countSuspicions } from '../../../../shared/format/catalog.ts';
import { findSuspicions } from '../../../../shared/jobs/backup/loss-detection.ts';
import type { WrittenFigures } from '../../../../shared/repository/reading/dataset-figures.ts';

type Figures = Partial<WrittenFigures>;

/** A dataset of 100-byte records that compress to 20; all of it as the parent has it. */
function dataset(name: string, records: number, more: Figures = {}): WrittenFigures {
  const plainBytes = more.plainBytes ?? 100 * records;
  const sizes = { plainBytes, wholeBytes: 20 * records, keptBytes: plainBytes, newChunks: 0 };
  return { name, kind: 'data', records, chunks: 1, ...sizes, ...more };
}

interface Given {
  readonly thresholds?: Partial<SuspectThresholds>;
  readonly replaced?: readonly (string | null)[];
  readonly compresses?: boolean;
}

function find(before: readonly WrittenFigures[], now: readonly WrittenFigures[], given: Given = {}) {
  const { thresholds, replaced = [], compresses = true } = given;
  const found = findSuspicions({
    before,
    now,
    thresholds: { ...DEFAULT_SUSPECTS, ...thresholds },
    replaced: new Set(replaced),
    compresses,
  });
  return found.map(({ code, dataset: name, before: was, now: is }) => `${name}: ${code} ${was} ${is}`);
}

/** Enough beside it that the whole is not suspect too. */
const rest = dataset('rest', 1_000_000);

describe('a loss', () => {
  it.each([
    ['of nothing', 1000, 1000, undefined],
    ['by growth', 1000, 9000, undefined],
    ['of less than half', 1000, 501, undefined],
    ['of half', 1000, 500, 'records-down'],
    ['of nearly all', 1000, 1, 'records-down'],
    ['of all', 1000, 0, 'empty-read'],
    ['in a small dataset', 99, 0, undefined],
    ['at the smallest size that is looked at', 100, 0, 'empty-read'],
    ['where there was nothing', 0, 0, undefined],
  ])('%s, %i to %i records: %s', (_, was, is, code) => {
    const found = find([rest, dataset('t', was)], [rest, dataset('t', is)]);
    expect(found).toEqual(code ? [`t: ${code} ${was} ${is}`] : []);
  });

  it('of a dataset that is gone, but not of one that is new, small, or was empty', () => {
    const before = [rest, dataset('gone', 1000), dataset('small', 99), dataset('empty', 0)];
    expect(find(before, [rest, dataset('new', 1000)])).toEqual(['gone: dataset-vanished 1000 0']);
  });

  it('of bookkeeping, which an earlier release did not call so, is none', () => {
    const kept = dataset('kept', 1000, { kind: 'schema' });
    const gone = dataset('kept', 0, { kind: 'schema' });
    expect(find([rest, kept], [rest, gone])).toEqual(['kept: schema-gone 1000 0']);
    expect(find([rest, kept], [rest, { ...gone, isBookkeeping: true }])).toEqual([]);
  });

  it('of many small datasets is one of the whole', () => {
    const names = ['a', 'b', 'c', 'd'];
    const small = names.map((name) => dataset(name, 60));
    expect(find(small, [dataset('a', 60)])).toEqual(['null: records-down 240 60']);
  });

  it('of every record is one of the whole, however few there were', () => {
    expect(find([dataset('t', 3)], [dataset('t', 0)])).toEqual(['null: empty-read 3 0']);
    expect(find([dataset('t', 3)], [dataset('t', 1)])).toEqual([]);
  });

  it('of schema: gone or empty at any size, down by half where it was large', () => {
    const schema = (lines: number) => dataset('pre-data', lines, { kind: 'schema' });
    expect(find([rest, schema(9)], [rest])).toEqual(['pre-data: schema-gone 9 0']);
    expect(find([rest, schema(9)], [rest, schema(0)])).toEqual(['pre-data: schema-gone 9 0']);
    expect(find([rest, schema(9)], [rest, schema(3)])).toEqual([]);
    expect(find([rest, schema(900)], [rest, schema(300)])).toEqual(['pre-data: schema-gone 900 300']);
    expect(find([rest, schema(900)], [rest, schema(600)])).toEqual([]);
  });

  it('is measured by the thresholds given', () => {
    const halved = [
      [rest, dataset('t', 1000)],
      [rest, dataset('t', 500)],
    ] as const;
    expect(find(...halved, { thresholds: { recordsDownBy: 0.6 } })).toEqual([]);
    expect(find(...halved, { thresholds: { minRecords: 1001 } })).toEqual([]);
    expect(find(...halved, { thresholds: { ignoreDatasets: ['t'] } })).toEqual([]);
  });

  it('of what is ignored does not count for the whole either', () => {
    const before = [
      dataset('public.queue_1', 9000),
      dataset('public.queue.2', 10),
      dataset('public.t', 1000),
    ];
    const now = [dataset('public.t', 1000)];
    expect(find(before, now)).toHaveLength(2);
    expect(find(before, now, { thresholds: { ignoreDatasets: ['public.queue*'] } })).toEqual([]);
    expect(find(before, now, { thresholds: { ignoreDatasets: ['queue*', 'public.queue'] } })).toHaveLength(2);
    expect(find(before, now, { thresholds: { ignoreDatasets: ['public.queue.*'] } })).toHaveLength(2);
  });
});

describe('encryption', () => {
  const records = 100_000;
  const before = dataset('t', records);
  /** Hex digits of random bytes: larger, and half of that when compressed. */
  const encrypted = { plainBytes: 250 * records, wholeBytes: 125 * records, keptBytes: 0 };
  const both = (figures: Figures, given: Given = {}) =>
    find([before], [dataset('t', records, figures)], given).filter((finding) => finding.startsWith('t:'));

  it('of most of a dataset is found', () => {
    expect(both(encrypted)).toEqual(['t: ratio-collapsed 20000 125000']);
    expect(both({ ...encrypted, keptBytes: 49 * records })).toHaveLength(1);
  });

  it('is found in a table of columns, where those that nobody encrypted take little', () => {
    expect(both({ ...encrypted, wholeBytes: 104 * records })).toHaveLength(1);
  });

  it('is not taken for what it is not', () => {
    const prose = { plainBytes: 700 * records, wholeBytes: 284 * records, keptBytes: 0 };
    expect(both(prose), 'a column of prose was added').toEqual([]);
    expect(both({ ...encrypted, keptBytes: 51 * records }), 'most is left as it was').toEqual([]);
    expect(both({ ...encrypted, wholeBytes: 39 * records }), 'a little larger').toEqual([]);
    expect(both({ ...encrypted, plainBytes: 500 * records }), 'more, but it compresses').toEqual([]);
    expect(both({ keptBytes: 0 }), 'all in another order').toEqual([]);
    expect(both(encrypted, { compresses: false }), 'this run does not compress').toEqual([]);
  });

  it('is not looked for in little data, or where the size before is not known', () => {
    expect(both(encrypted, { thresholds: { minBytes: 100 * records + 1 } })).toEqual([]);
    expect(both(encrypted, { thresholds: { recordSizeUp: 7 } })).toEqual([]);
    const unknown = { ...before, wholeBytes: undefined as never };
    expect(find([unknown], [dataset('t', records, encrypted)])).toEqual([]);
  });

  it('is not what little is left of a table looks like', () => {
    const left = dataset('t', 5, { plainBytes: 10, wholeBytes: 10, keptBytes: 10 });
    const had = dataset('t', 200_000, { wholeBytes: 100_000 });
    expect(find([had], [left]).filter((found) => found.includes('ratio'))).toEqual([]);
  });

  it('that the parent was suspect of is still one when all of it is kept', () => {
    const kept = { ...encrypted, keptBytes: encrypted.plainBytes };
    expect(both(kept)).toEqual([]);
    expect(both(kept, { replaced: ['t'] })).toHaveLength(1);
  });

  it('of many small datasets is found in the whole', () => {
    const names = Array.from({ length: 20 }, (_, i) => `t${i}`);
    const small = names.map((name) => dataset(name, MiB / 1000));
    const now = small.map(({ name, records: n }) =>
      dataset(name, n, { plainBytes: 250 * n, wholeBytes: 125 * n, keptBytes: 0 }),
    );
    expect(find(small, now)).toEqual([expect.stringMatching(/^null: ratio-collapsed 20000 125000$/)]);
  });
});

it('findings are counted for the manifest without a name', () => {
  const counted = countSuspicions([
    { code: 'empty-read', dataset: 'salaries', before: 100, now: 0 },
    { code: 'empty-read', dataset: 'people', before: 200, now: 0 },
    { code: 'ratio-collapsed', dataset: 'a', before: 10, now: 90 },
    { code: 'ratio-collapsed', dataset: 'b', before: 50, now: 100 },
    { code: 'records-down', dataset: null, before: 900, now: 300 },
  ]);
  expect(counted).toEqual([
    { code: 'empty-read', datasets: 2, before: 300, now: 0 },
    { code: 'ratio-collapsed', datasets: 2, before: 10, now: 90 },
    { code: 'records-down', datasets: 0, before: 900, now: 300 },
  ]);
});
