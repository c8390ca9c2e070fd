import type { Bar } from './report.ts';
import { spread } from './report.ts';
import { ratios, type Sample } from './samples.ts';

/** @param requests of the first and the second backup of 5 MB to S3 */
export function liveBars(samples: readonly Sample[], requests: readonly [number, number] | undefined): Bar[] {
  const places = [...new Set(samples.map(({ tool }) => tool))].filter((tool) => tool.startsWith('holdfast'));
  const peers = [
    ['pg_dump -Fc', 1 / 5],
    ['pg_dump | zstd -3 | age', 2 / 3],
  ] as const;
  const walls = places.flatMap((tool) =>
    peers.map(([peer, limit]) => ({
      measure: `${tool}: first backup, wall, by ${peer}`,
      limit,
      measured: ratios(samples, { step: 'first backup', figure: 'wallS', tool, peer }),
    })),
  );
  const [first, second] = (requests ?? []).map((count) => spread([count]));
  return [
    ...walls,
    { measure: 'S3 requests of the first backup of 5 MB', limit: 8, measured: first },
    { measure: 'S3 requests of the second', limit: 12, measured: second },
  ];
}
