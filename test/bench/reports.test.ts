import { describe, expect, it } from 'vitest';
import { compareBars } from '../../bench/compare-bars.ts';
import { mysqlBars, postgresBars } from '../../bench/live/live-bars.ts';
import { MARIADB_DUMP_PIPELINE } from '../../bench/live/mysql-tools.ts';
import { PG_DUMP_CUSTOM, PG_DUMP_FOLDER, PG_DUMP_PIPELINE } from '../../bench/live/postgres-tools.ts';
import { STEP } from '../../bench/live/server.ts';
import { parseOptions } from '../../bench/options.ts';
import { codeTable } from '../../bench/report.ts';
import { ratios, type Sample } from '../../bench/samples.ts';

describe('options of benchmarks', () => {
  it('write results only of full runs', () => {
    const of = (line: string) => parseOptions(line.split(' ').filter(Boolean));
    expect(of('')).toMatchObject({ program: 'compare', rounds: 3, size: 1, isWritten: true });
    for (const part of ['--quick', '--size 0.1', '--only table', '--data x'])
      expect(of(part)).toMatchObject({ isWritten: false });
    expect(of('live --source mysql --rounds 1')).toMatchObject({
      source: 'mysql',
      rounds: 1,
      isWritten: true,
    });
    for (const wrong of [
      'churn --source mysql',
      'live --data x',
      '--size 2',
      '--rounds 0',
      'live --source oracle',
      'walk',
    ])
      expect(() => of(wrong), wrong).toThrow();
  });
});

describe('ratios', () => {
  it('divide by a peer of the same round, at another step if that is asked', () => {
    const sample = (tool: string, step: string, round: number, wallS: number) => ({
      dataset: 'd',
      tool,
      step,
      round,
      wallS,
      cpuS: 1,
      peakBytes: 1,
      addedBytes: 0,
    });
    const samples = [
      sample('own', 'fast', 0, 2),
      sample('own', 'fast', 1, 3),
      sample('peer', 'slow', 0, 4),
      sample('peer', 'slow', 1, 4),
      sample('peer', 'fast', 0, 1),
    ];
    const of = { step: 'fast', figure: 'wallS', tool: 'own', peer: 'peer' } as const;
    expect(ratios(samples, of)).toEqual({ median: 2, least: 2, most: 2 });
    expect(ratios(samples, { ...of, peerStep: 'slow' })).toMatchObject({ least: 0.5, most: 0.75 });
    expect(ratios(samples, { ...of, figure: 'addedBytes' })).toBeUndefined();
  });
});

const COMPARE_STEPS = ['first backup', '1 % changed', 'unchanged', 'restore', 'restore after 16 days'];
const LIVE_STEPS = Object.values(STEP);

/** Holdfast takes half of what each peer takes, and 100 MB. */
function halves(datasets: readonly string[], steps: readonly string[], peers: readonly string[]): Sample[] {
  const sample = (dataset: string, step: string, tool: string, of: number): Sample => ({
    dataset,
    step,
    tool,
    round: 0,
    wallS: of,
    cpuS: of,
    addedBytes: of,
    peakBytes: 100e6,
  });
  return datasets.flatMap((dataset) =>
    steps.flatMap((step) => [
      sample(dataset, step, 'holdfast', 1),
      ...peers.map((peer) => sample(dataset, step, peer, 2)),
    ]),
  );
}

describe('bars', () => {
  const sizes = new Map(['table', 'numbers', 'prose'].map((name) => [name, 80e6]));
  const compared = compareBars(halves([...sizes.keys()], COMPARE_STEPS, ['restic']), sizes);
  const ofFile = compareBars(halves(['data-x'], COMPARE_STEPS, ['restic']), new Map([['data-x', 300e6]]));
  const postgres = postgresBars(
    halves(['shop'], LIVE_STEPS, [PG_DUMP_CUSTOM, PG_DUMP_FOLDER, PG_DUMP_PIPELINE]),
  );
  const mysql = mysqlBars(halves(['shop'], LIVE_STEPS, [MARIADB_DUMP_PIPELINE]));

  it.each([
    ['compare', compared],
    ['compare --data', ofFile],
    ['live', postgres],
    ['live --source mysql', mysql],
  ])('of %s are all measured in a full run, and divide by the peer', (_, bars) => {
    expect(bars.length).toBeGreaterThan(3);
    for (const { measure, measured } of bars) {
      const wanted =
        measure.includes('MB') && measure.includes('memory') ? 100 : measure.includes('KiB') ? 1 / 1024 : 0.5;
      expect(measured?.median, measure).toBeCloseTo(wanted);
    }
  });

  it('say nothing of what was not run', () => {
    const bars = [...compareBars([], new Map()), ...postgresBars([]), ...mysqlBars([])];
    expect(bars.filter(({ measured }) => measured !== undefined)).toEqual([]);
  });
});

it('tables are aligned, however long a cell is', () => {
  const long = 'a'.repeat(70);
  expect(
    codeTable(
      ['NAME', 'N'],
      [
        [long, '1'],
        ['b', '12'],
      ],
    ),
  ).toBe(`\`\`\`\n${'NAME'.padEnd(70)}   N\n${long}   1\n${'b'.padEnd(70)}  12\n\`\`\``);
});
