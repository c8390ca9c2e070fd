import { afterAll, beforeAll, expect } from 'vitest';
import { HoldfastError } from '../../../../../shared/core/errors.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { openPostgresChanges } from '../../../../../shared/sources/postgres/changes/stream.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres, type PostgresVersion } from '../../../../support/postgres.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turns } from '../../../../support/repository/torture.ts';
import { type Committed, differences, expectedAt, Recorder } from './recorder.ts';
import { SCHEMA } from './statements.ts';
import { type Base, Chain, newRepository, restoreTo, STREAMING, setUp, takeBase } from './world.ts';

/** What a history leaves. */
interface History {
  readonly repository: Repository;
  readonly bases: readonly Base[];
  readonly chain: Chain;
  readonly committed: readonly Committed[];
}

/** Eight writers, pollers, three bases, and restores to moments, each compared with what the writers know. */
export function anyMoment(version: PostgresVersion): void {
  const it = turns(4, 2);
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(version, { settings: STREAMING });
  });
  afterAll(() => server?.stop());

  it(
    'holds what the writers had committed by then',
    () => tryMoments('calm', { pollers: 1, crashes: 0, deaths: 0 }),
    tortureTimeoutMs,
  );

  it(
    'does so if pollers die at each point, two poll at once and the server crashes',
    () => tryMoments('storm', { pollers: 2, crashes: cases(1, 1, 5), deaths: 0.1 }),
    tortureTimeoutMs,
  );

  async function tryMoments(name: string, weather: Weather): Promise<void> {
    const { bases, committed, chain, repository } = await live(server, name, weather);
    expect(committed.length).toBeGreaterThan(50);
    const random = seededRandom(testSeed);
    for (let i = 0; i < cases(2, 3, 50); i++) {
      const base = bases[Math.floor(random() * bases.length)] as Base;
      const behind = committed.filter(({ at }) => at > base.join.at);
      // The first is of all that there is.
      const at = i === 0 ? undefined : behind[Math.floor(random() * behind.length)]?.at;
      const target = await server.createDatabase(`${name}${i}`);
      await restoreTo(repository, base, { chain, target, ...(at ? { until: { at } } : {}) });
      expect(await differences(target, expectedAt(committed, at)), `${name}${i} at ${at}`).toEqual({});
      await server.query('postgres', `drop database ${name}${i}`);
    }
  }
}

interface Weather {
  readonly pollers: number;
  readonly crashes: number;
  /** How likely a poller dies at each point where it can. */
  readonly deaths: number;
}

async function live(server: PostgresServer, name: string, weather: Weather): Promise<History> {
  const url = await server.createDatabase(name);
  await server.query(name, SCHEMA);
  await setUp(url);
  const recorder = new Recorder(url);
  await recorder.begin();
  const chain = new Chain(url);
  await using first = openPostgresChanges(url, {}, {});
  await chain.begin(first);
  const repository = await newRepository();
  const bases: Base[] = [];
  let isOver = false;
  recorder.start(8, testSeed);
  const pollers = Array.from({ length: weather.pollers }, (_, i) =>
    pollUntil(chain, url, {
      random: seededRandom(testSeed * 10 + i),
      deaths: weather.deaths,
      isOver: () => isOver,
    }),
  );
  try {
    for (let round = 0; round < 3; round++) {
      await recorder.more(cases(20, 80, 600));
      recorder.isGentle = true;
      bases.push(await takeBase(repository, url));
      recorder.isGentle = false;
      if (round < weather.crashes) await crash(server, name);
    }
    await recorder.more(cases(20, 80, 600));
  } finally {
    await recorder.stop();
    isOver = true;
    await Promise.all(pollers);
  }
  await using last = openPostgresChanges(url, {}, {});
  await chain.poll(last, { most: Number.POSITIVE_INFINITY });
  return { repository, bases, chain, committed: await recorder.committed() };
}

class Death extends Error {}

/** What a poller meets when others poll, or the server is away; it comes again. */
const TRANSIENT = ['E_CHANGES_BUSY', 'E_SOURCE_LOST', 'E_SOURCE_UNREACHABLE', 'E_SOURCE_FAILED'];

async function pollUntil(
  chain: Chain,
  url: string,
  { random, deaths, isOver }: { random: () => number; deaths: number; isOver: () => boolean },
): Promise<void> {
  const die = (): void => {
    if (random() < deaths) throw new Death();
  };
  while (!isOver()) {
    await using source = openPostgresChanges(url, {}, {});
    try {
      await chain.poll(source, { mostBytes: 2 ** 20, die });
    } catch (error) {
      const isExpected =
        error instanceof Death || (error instanceof HoldfastError && TRANSIENT.includes(error.code));
      if (!isExpected) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 200 * random()));
  }
}

/** As if the machine had: the server recovers from its log, and knows no session any more. */
async function crash(server: PostgresServer, name: string): Promise<void> {
  const { rows } = await server.query(
    name,
    "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid() limit 1",
  );
  process.kill(rows[0].pid, 'SIGKILL');
  for (let isBack = false; !isBack; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    isBack = await server.query(name, 'select 1').then(
      () => true,
      () => false,
    );
  }
  // Whoever prepared these cannot end them.
  const { rows: prepared } = await server.query(
    name,
    "select gid from pg_prepared_xacts where prepared < pg_postmaster_start_time() or prepared < now() - interval '1 second'",
  );
  for (const { gid } of prepared) await server.query(name, `commit prepared '${gid}'`).catch(() => undefined);
}
