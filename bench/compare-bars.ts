import { type Bar, spread } from './report.ts';
import { ratios, type Sample } from './samples.ts';

const PEER = 'restic';
/** What 1 % of changed rows add. */
const MOST_ADDED = 1 / 50;
/** Smaller tables are measured by the bars of small ones. */
const LARGE_BYTES = 200e6;
/** CPU seconds of the smaller table may be so much above what its wall time may be. */
const CPU_ABOVE = 0.2;

/** Limits on sizes of first repositories, by dataset; those of a file of the user's are as of prose. */
const SIZES: readonly (readonly [string, number])[] = [
  ['table', 0.85],
  ['numbers', 0.65],
  ['prose', 0.98],
];
const SIZE_OF_DATA = 0.98;

/** Of the smaller table, where starting weighs more: wall time of each step. */
const SMALL = 'prose';
const SMALL_WALLS = [
  ['first backup', 0.45],
  ['unchanged', 0.4],
  ['1 % changed', 0.4],
  ['restore', 0.7],
] as const;

/** @param sizes plain bytes of each dataset */
export function compareBars(samples: readonly Sample[], sizes: ReadonlyMap<string, number>): Bar[] {
  const own = samples.filter(({ tool }) => tool === 'holdfast');
  const of: RatioOf = (dataset, step, figure) =>
    ratios(
      samples.filter((sample) => sample.dataset === dataset),
      { step, figure, tool: 'holdfast', peer: PEER },
    );
  const given = [...sizes].filter(([name]) => name.startsWith('data-'));
  const bars =
    given.length > 0
      ? given.flatMap(([name, bytes]) => barsOfFile(name, bytes, of))
      : barsOfMade(own, sizes, of);
  const peaks = own.map(({ peakBytes }) => peakBytes / 1e6);
  return [
    ...bars,
    {
      measure: 'peak memory of any step and dataset, MB (not by restic)',
      limit: 300,
      measured: peaks.length > 0 ? spread([Math.max(...peaks)]) : undefined,
    },
  ];
}

function barsOfMade(own: readonly Sample[], sizes: ReadonlyMap<string, number>, of: RatioOf): Bar[] {
  const unchanged = own.filter(({ dataset, step }) => dataset === 'table' && step === 'unchanged');
  return [
    ...largeBars('table', of),
    ...SIZES.map(([dataset, limit]) => sizeBar(dataset, limit, of)),
    ...smallBars(SMALL, sizes.get(SMALL), of),
    {
      measure: 'table: unchanged, KiB added (not by restic)',
      limit: 64,
      measured:
        unchanged.length > 0 ? spread(unchanged.map(({ addedBytes }) => addedBytes / 1024)) : undefined,
    },
  ];
}

/** Of a file of the user's: as a large or as a small table. */
function barsOfFile(dataset: string, bytes: number, of: RatioOf): Bar[] {
  const walls = bytes < LARGE_BYTES ? smallBars(dataset, bytes, of) : largeBars(dataset, of);
  return [...walls, sizeBar(dataset, SIZE_OF_DATA, of)];
}

function sizeBar(dataset: string, limit: number, of: RatioOf): Bar {
  return {
    measure: `${dataset}: first repository size`,
    limit,
    measured: of(dataset, 'first backup', 'addedBytes'),
  };
}

type RatioOf = (dataset: string, step: string, figure: 'wallS' | 'cpuS' | 'addedBytes') => Bar['measured'];

function largeBars(dataset: string, of: RatioOf): Bar[] {
  const bar = (
    title: string,
    limit: number,
    [step, figure]: readonly [string, 'wallS' | 'cpuS' | 'addedBytes'],
  ): Bar => ({ measure: `${dataset}: ${title}`, limit, measured: of(dataset, step, figure) });
  return [
    bar('first backup, wall', 0.4, ['first backup', 'wallS']),
    bar('first backup, CPU seconds', 0.45, ['first backup', 'cpuS']),
    bar('1 % changed, bytes added', MOST_ADDED, ['1 % changed', 'addedBytes']),
    bar('1 % changed, wall', 0.3, ['1 % changed', 'wallS']),
    bar('unchanged, wall, by restic --force', 0.25, ['unchanged', 'wallS']),
    bar('restore of the first backup, wall', 0.6, ['restore', 'wallS']),
    bar('restore after 16 daily backups, wall', 0.9, ['restore after 16 days', 'wallS']),
  ];
}

/** @param bytes of the dataset; undefined if it was not run */
function smallBars(dataset: string, bytes: number | undefined, of: RatioOf): Bar[] {
  const title = bytes === undefined ? dataset : `${dataset}, ${(bytes / 1e6).toFixed(0)} MB`;
  const walls = SMALL_WALLS.flatMap(([step, limit]) => [
    { measure: `${title}: ${step}, wall`, limit, measured: of(dataset, step, 'wallS') },
    {
      measure: `${title}: ${step}, CPU seconds`,
      limit: limit + CPU_ABOVE,
      measured: of(dataset, step, 'cpuS'),
    },
  ]);
  const added = of(dataset, '1 % changed', 'addedBytes');
  return [...walls, { measure: `${title}: 1 % changed, bytes added`, limit: MOST_ADDED, measured: added }];
}
