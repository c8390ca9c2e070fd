import { type Bar, spread } from '../report.ts';
import { type Ratio, ratios, type Sample } from '../samples.ts';
import { MARIADB_DUMP_PIPELINE } from './mysql-tools.ts';
import { COPY_PIPELINE, PG_DUMP_CUSTOM, PG_DUMP_FOLDER, PG_DUMP_PIPELINE } from './postgres-tools.ts';
import { STEP } from './server.ts';

const OWN = 'holdfast';
const MOST_MB = 300;

/** As for `pg_dump | zstd | age`, which does more. */
const COPY_PEERS = [[COPY_PIPELINE, 0.8]] as const;

export function postgresBars(samples: readonly Sample[]): Bar[] {
  const places = placesOf(samples);
  const peers = [
    [PG_DUMP_CUSTOM, 0.22],
    [PG_DUMP_PIPELINE, 0.8],
  ] as const;
  const isDumped = samples.length === 0 || samples.some(({ tool }) => tool === PG_DUMP_CUSTOM);
  const walls = places.flatMap((tool) =>
    (isDumped ? peers : COPY_PEERS).map(([peer, limit]) => ({
      measure: `${tool}: first backup, wall, by ${peer}`,
      limit,
      measured: ratios(samples, { step: STEP.first, figure: 'wallS', tool, peer }),
    })),
  );
  const restores = (isDumped ? [PG_DUMP_CUSTOM, PG_DUMP_FOLDER] : []).flatMap((peer) =>
    restoreBars(samples, { peer, title: `pg_restore -j 2 of ${peer}`, compared: 1.4, uncompared: 1 }),
  );
  return [...walls, ...restores, peakBar(samples)];
}

export function mysqlBars(samples: readonly Sample[]): Bar[] {
  const peer = MARIADB_DUMP_PIPELINE;
  const of = (step: string, figure: Ratio['figure']) => ratios(samples, { step, figure, tool: OWN, peer });
  return [
    { measure: `first backup, wall, by ${peer}`, limit: 0.9, measured: of(STEP.first, 'wallS') },
    {
      measure: `1 % changed, bytes added, by ${peer}`,
      limit: 1 / 40,
      measured: of(STEP.changed, 'addedBytes'),
    },
    {
      measure: 'restore, compared, wall, by the client that loads the dump',
      limit: 1.3,
      measured: of(STEP.restore, 'wallS'),
    },
    peakBar(samples),
  ];
}

/** @param requests of the first and the second backup of 5 MB to S3 */
export function requestBars(requests: readonly [number, number] | undefined): Bar[] {
  const [first, second] = (requests ?? []).map((count) => spread([count]));
  return [
    { measure: 'S3 requests of the first backup of 5 MB', limit: 8, measured: first },
    { measure: 'S3 requests of the second', limit: 12, measured: second },
  ];
}

function restoreBars(
  samples: readonly Sample[],
  of: {
    readonly peer: string;
    readonly title: string;
    readonly compared: number;
    readonly uncompared: number;
  },
): Bar[] {
  const { peer, title } = of;
  const common = { figure: 'wallS', tool: OWN, peer, peerStep: STEP.restore } as const;
  return [
    {
      measure: `restore, compared, wall, by ${title}`,
      limit: of.compared,
      measured: ratios(samples, { ...common, step: STEP.restore }),
    },
    {
      measure: `restore --compare none, wall, by ${title}`,
      limit: of.uncompared,
      measured: ratios(samples, { ...common, step: STEP.uncompared }),
    },
  ];
}

function peakBar(samples: readonly Sample[]): Bar {
  const own = samples.filter(({ tool }) => placesOf(samples).includes(tool));
  const peak = Math.max(...own.map(({ peakBytes }) => peakBytes / 1e6));
  return {
    measure: 'peak memory of any step, MB',
    limit: MOST_MB,
    measured: own.length > 0 ? spread([peak]) : undefined,
  };
}

function placesOf(samples: readonly Sample[]): readonly string[] {
  return [...new Set(samples.map(({ tool }) => tool))].filter((tool) => tool.startsWith(OWN));
}
