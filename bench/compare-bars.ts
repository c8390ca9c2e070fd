import { type Bar, spread } from './report.ts';
import { ratios, type Sample } from './samples.ts';

/** Bars are about the table; peak memory about everything. */
export function compareBars(samples: readonly Sample[]): Bar[] {
  const table = samples.filter(({ dataset }) => dataset === 'table');
  const own = samples.filter(({ tool }) => tool === 'holdfast');
  const unchanged = own.filter(({ dataset, step }) => dataset === 'table' && step === 'unchanged');
  const of = (step: string, figure: 'wallS' | 'cpuS' | 'addedBytes') =>
    ratios(table, { step, figure, tool: 'holdfast', peer: 'restic' });
  const absolute = (numbers: readonly number[]) => (numbers.length > 0 ? spread(numbers) : undefined);
  const peak = Math.max(0, ...own.map(({ peakBytes }) => peakBytes / 1e6));
  return [
    { measure: 'first backup, wall, by restic', limit: 0.4, measured: of('first backup', 'wallS') },
    { measure: 'first backup, CPU seconds, by restic', limit: 0.6, measured: of('first backup', 'cpuS') },
    { measure: 'first repository size, by restic', limit: 1.05, measured: of('first backup', 'addedBytes') },
    {
      measure: '1 % changed, bytes added, by restic',
      limit: 1 / 40,
      measured: of('1 % changed', 'addedBytes'),
    },
    { measure: '1 % changed, wall, by restic', limit: 0.3, measured: of('1 % changed', 'wallS') },
    { measure: 'unchanged, wall, by restic --force', limit: 0.3, measured: of('unchanged', 'wallS') },
    {
      measure: 'unchanged, KiB added',
      limit: 64,
      measured: absolute(unchanged.map(({ addedBytes }) => addedBytes / 1024)),
    },
    { measure: 'restore of the first backup, wall, by restic', limit: 0.6, measured: of('restore', 'wallS') },
    {
      measure: 'restore after 16 daily backups, wall, by restic',
      limit: 0.9,
      measured: of('restore after 16 days', 'wallS'),
    },
    { measure: 'peak memory of any step, MB', limit: 300, measured: absolute([peak]) },
  ];
}
