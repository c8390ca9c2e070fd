import { type Bar, spread } from './report.ts';
import { ratios, type Sample } from './samples.ts';

const PEER = 'restic';
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
  const of = (dataset: string, step: string, figure: 'wallS' | 'cpuS' | 'addedBytes') =>
    ratios(
      samples.filter((sample) => sample.dataset === dataset),
      { step, figure, tool: 'holdfast', peer: PEER },
    );
  const unchanged = own.filter(({ dataset, step }) => dataset === 'table' && step === 'unchanged');
  const absolute = (numbers: readonly number[]) => (numbers.length > 0 ? spread(numbers) : undefined);
  const peak = own.map(({ peakBytes }) => peakBytes / 1e6);
  const given = [...sizes.keys()].filter((name) => name.startsWith('data-'));
  return [
    ...[...(given.length === 0 ? ['table'] : given)].flatMap((dataset) => largeBars(dataset, of)),
    ...(given.length === 0 ? SIZES : given.map((name) => [name, SIZE_OF_DATA] as const)).map(
      ([dataset, limit]) => ({
        measure: `${dataset}: first repository size`,
        limit,
        measured: of(dataset, 'first backup', 'addedBytes'),
      }),
    ),
    ...(given.length === 0 ? smallBars(sizes.get(SMALL), of) : []),
    {
      measure: 'table: unchanged, KiB added (not by restic)',
      limit: 64,
      measured: absolute(unchanged.map(({ addedBytes }) => addedBytes / 1024)),
    },
    {
      measure: 'peak memory of any step and dataset, MB (not by restic)',
      limit: 300,
      measured: absolute(peak.length > 0 ? [Math.max(...peak)] : []),
    },
  ];
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
    bar('1 % changed, bytes added', 1 / 50, ['1 % changed', 'addedBytes']),
    bar('1 % changed, wall', 0.3, ['1 % changed', 'wallS']),
    bar('unchanged, wall, by restic --force', 0.25, ['unchanged', 'wallS']),
    bar('restore of the first backup, wall', 0.6, ['restore', 'wallS']),
    bar('restore after 16 daily backups, wall', 0.9, ['restore after 16 days', 'wallS']),
  ];
}

/** @param bytes of the dataset; undefined if it was not run */
function smallBars(bytes: number | undefined, of: RatioOf): Bar[] {
  const title = bytes === undefined ? SMALL : `${SMALL}, ${(bytes / 1e6).toFixed(0)} MB`;
  return SMALL_WALLS.flatMap(([step, limit]) => [
    { measure: `${title}: ${step}, wall`, limit, measured: of(SMALL, step, 'wallS') },
    {
      measure: `${title}: ${step}, CPU seconds`,
      limit: limit + CPU_ABOVE,
      measured: of(SMALL, step, 'cpuS'),
    },
  ]);
}
