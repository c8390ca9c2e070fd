import { afterAll, beforeAll, describe, expect } from 'vitest';
import { resolveConfig } from '../../../../shared/config/config.ts';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { readProofEvidence } from '../../../../shared/jobs/changes/proof/proof-report.ts';
import { proveBase } from '../../../../shared/jobs/changes/proof/prove-base.ts';
import { isProofReported, runProof } from '../../../../shared/jobs/changes/proof/run-proof.ts';
import { runDrill } from '../../../../shared/jobs/drill/drill.ts';
import { readDrillEvidence } from '../../../../shared/jobs/drill/drill-evidence.ts';
import { type DrilledBackupInPlace, drillMoment } from '../../../../shared/jobs/drill/drill-moment.ts';
import { openScratch } from '../../../../shared/jobs/source/adapters.ts';
import { readOverview } from '../../../../shared/jobs/status/status.ts';
import { factsOf } from '../../../../shared/jobs/verdict/facts-of.ts';
import { judge } from '../../../../shared/jobs/verdict/rules.ts';
import { sentenceOf } from '../../../../shared/jobs/verdict/sentences.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { ReplayOptions } from '../../../../shared/sources/changes.ts';
import { pluginOf } from '../../../../shared/sources/registry.ts';
import type { Scratch } from '../../../../shared/sources/scratch.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { cases, tortureTimeoutMs, turns } from '../../../support/repository/torture.ts';
import { without } from '../../../support/sources/lossy-changes.ts';
import { continuousDatabase, openChanges, STREAMING } from '../../sources/postgres/changes/world.ts';

const it = turns(2);
const NIGHTS = cases(2, 2, 20);

const TABLES = `create table orders (id int primary key, state text not null, total numeric(12, 2), note text, at timestamptz, data jsonb, tags text[]);
  insert into orders select i, 'new', i * 1.5, repeat(md5(i::text), 150), '2026-01-01'::timestamptz + i * interval '1 hour', jsonb_build_object('n', i), array['a', i::text]
    from generate_series(1, 500) i;
  create table pairs (a int, b text, c bytea, primary key (b, a));
  create table lines (text text); alter table lines replica identity full; insert into lines values ('x'), ('x'), (null);
  create table unkeyed (text text); insert into unkeyed values ('left out');`;

/** Days of this number are beside a backup: a TRUNCATE would wait for its locks, and the backup's other sessions for the TRUNCATE. */
const BESIDE = 100;

/** A day of a shop, of the n-th. */
const day = (n: number) => [
  `insert into orders select i, 'new', i, null, now(), '{"a": [1, null]}', null from generate_series(${n * 1000}, ${n * 1000 + 40}) i`,
  `update orders set state = 'paid', total = total + 1 where id % 7 = ${n % 7}`,
  // A large value that the stream does not say again, and a key that changes.
  `update orders set id = id + 100000 where id = (select min(id) from orders where id > 10)`,
  `begin; update orders set state = 'lost' where id % 3 = 0; rollback`,
  `begin; update orders set note = 'for a moment' where id = 5; update orders set note = o.note from orders o where o.id = 6 and orders.id = 5; commit`,
  `delete from orders where id in (select id from orders order by id desc limit 3)`,
  `insert into orders values (-1, 'for a moment', 0, null, null, null, null); delete from orders where id = -1`,
  `insert into pairs values (${n}, E'tab\\t\\\\ and ''quote''', '\\x00ff09'), (${n}, '', null)`,
  `insert into lines values ('x'), ('line ${n}'); delete from lines where ctid = (select min(ctid) from lines)`,
  ...(n % 3 === 2 && n < BESIDE ? [`truncate pairs; insert into pairs values (0, 'after', null)`] : []),
];

describe('nightly backups of PostgreSQL and the stored changes between them', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: STREAMING });
  });
  afterAll(() => server?.stop());

  async function newShop(name: string) {
    const { url, repository, poll, backUp } = await continuousDatabase(server, name, TABLES);
    const live = async (n: number) => {
      for (const sql of day(n)) await server.query(name, sql);
    };
    return { url, repository, poll, backUp, live };
  }

  const prove = (repository: Repository, base: BackupKey, mostHeldBytes?: number) =>
    proveBase(repository, { base, plugin: pluginOf('postgres').changes!, mostHeldBytes, signal: never });

  it(
    'are equal each night, also while somebody writes',
    async () => {
      const { url, repository, poll, backUp, live } = await newShop('nights');
      await backUp();
      for (let night = 1; night <= NIGHTS; night++) {
        await live(night);
        await poll(openChanges(url), { signal: never });
        // The backup sees some of this, and the stream has the rest.
        const [base] = await Promise.all([backUp(), live(night + BESIDE)]);
        await poll(openChanges(url), { signal: never });
        const proof = await prove(repository, base);
        expect(proof, `night ${night}`).toMatchObject({ state: 'equal' });
        expect(proof.transactions).toBeGreaterThan(5);
        const states = proof.datasets.map(({ dataset, state }) => `${dataset}: ${state}`);
        expect(states.toSorted()).toEqual([
          'public.lines: equal',
          'public.orders: equal',
          'public.pairs: equal',
          'public.unkeyed: not compared',
        ]);
        expect(await prove(repository, base, 40_000)).toEqual(proof);
      }
    },
    tortureTimeoutMs,
  );

  it('are not if a row of a segment was lost, and the row is named', async () => {
    const { url, repository, poll, backUp } = await newShop('lost');
    const before = await backUp();
    await server.query('lost', `insert into orders values (7001, 'kept'), (7002, 'lost'), (7003, 'kept')`);
    await poll(without(openChanges(url), '7002'), { signal: never });
    const base = await backUp();
    await poll(openChanges(url), { signal: never });
    const {
      outcome,
      proof,
      report = '',
    } = await runProof(repository, {
      base,
      plugin: pluginOf('postgres').changes!,
      by: 'a schedule',
      signal: never,
    });
    expect(outcome).toBe('different');
    expect(proof).toMatchObject({
      before,
      state: 'different',
      datasets: expect.arrayContaining([
        {
          dataset: 'public.orders',
          state: 'different',
          columns: ['id'],
          differing: 1,
          differences: [{ problem: 'not in the stream', key: ['7002'] }],
        },
      ]),
    });

    // The report names them to who has the key, and to nobody else.
    const bytes = Buffer.from(await repository.store.get(report)).toString('latin1');
    expect(bytes).toContain('"outcome":"different"');
    expect(bytes).not.toMatch(/orders|"7002"/);
    const evidence = await readProofEvidence(repository, report, never);
    expect(evidence).toMatchObject({
      backup: base,
      before,
      isProven: true,
      body: { outcome: 'different', differing: 1, differentDatasets: 1, notCompared: 1, by: 'a schedule' },
      details: { datasets: expect.arrayContaining([expect.objectContaining({ dataset: 'public.orders' })]) },
    });
    expect(JSON.stringify(evidence.details)).toContain('7002');

    // Who looks at the repository learns of it, and is told when a later night is equal.
    const verdict = async () => {
      const { status, backups } = await readOverview(repository, never);
      const config = resolveConfig({ file: {}, fileName: 'f', env: {}, flags: {} });
      const facts = factsOf({ status, backups, config, runsDefaults: false, at: new Date(), isProven: true });
      return judge(facts).findings.map((finding) => sentenceOf(finding, facts));
    };
    expect(await verdict()).toContainEqual(
      expect.stringMatching(/^Backup_.* differs from the backup before it .*, in 1 row of 1 dataset\.$/),
    );
    const next = await backUp();
    await poll(openChanges(url), { signal: never });
    expect(
      await runProof(repository, { base: next, plugin: pluginOf('postgres').changes!, signal: never }),
    ).toMatchObject({ outcome: 'equal' });
    expect((await verdict()).join()).not.toContain('differs from the backup before it');
    expect(await isProofReported(repository, next, never)).toBe(true);
  });

  it('let a drill restore a moment between them, which an own count judges', async () => {
    const { url, repository, poll, backUp, live } = await newShop('drilled');
    const base = await backUp();
    await live(1);
    await poll(openChanges(url), { signal: never });
    const scratch = await openScratch({ kind: 'postgres', url: server.url(), options: {} }, {});
    const plugin = pluginOf('postgres').changes!;
    const restoreMoment = (about: DrilledBackupInPlace) =>
      drillMoment({ ...about, plugin, random: () => 0.999_999 });
    const good = await runDrill(repository, base, scratch, { restoreMoment, signal: never });
    expect(good, JSON.stringify(good.error)).toMatchObject({
      outcome: 'equal',
      moment: { outcome: 'equal', transactions: expect.any(Number) },
    });
    expect(good.moment?.rows).toBeGreaterThan(50);
    const { body } = await readDrillEvidence(repository, good.report, never);
    expect(body.moment).toMatchObject({
      at: good.moment?.at,
      outcome: 'equal',
      differentDatasets: 0,
      notCompared: 1,
    });

    // Somebody else writes into the database after the changes were applied: as a replay would that goes wrong.
    const meddled = (about: DrilledBackupInPlace) =>
      drillMoment({
        ...about,
        scratch: meddling(about.scratch, (sql) => server.query(databaseOf(about.scratch.name), sql)),
        plugin,
        random: () => 0.999_999,
      });
    const bad = await runDrill(repository, base, scratch, { restoreMoment: meddled, signal: never });
    expect(bad).toMatchObject({
      outcome: 'different',
      moment: {
        outcome: 'different',
        datasets: expect.arrayContaining([
          expect.objectContaining({
            dataset: 'public.orders',
            differing: 1,
            differences: [{ problem: 'not in the stream', key: ['500'] }],
          }),
        ]),
      },
    });
  });

  it('are none where no earlier backup leads to the later one, which is no failure', async () => {
    const { url, repository, poll, backUp } = await newShop('first');
    const base = await backUp();
    await poll(openChanges(url), { signal: never });
    const result = await runProof(repository, { base, plugin: pluginOf('postgres').changes!, signal: never });
    expect(result).toMatchObject({ outcome: 'none', error: { code: 'E_NO_MOMENT' }, report: undefined });
    expect(await isProofReported(repository, base, never)).toBe(false);
  });

  it('are not compared over changes that went past the stream', async () => {
    const { url, repository, poll, backUp } = await newShop('past');
    await backUp();
    await server.query('past', `update orders set state = 'seen' where id = 1`);
    await poll(openChanges(url), { signal: never });
    // Nothing of a publication's table that is taken out of it for a moment is in the stream.
    const [row] = (await server.query('past', 'select pubname from pg_publication')).rows;
    await server.query('past', `alter publication "${row.pubname}" drop table orders`);
    await server.query('past', `update orders set state = 'unseen' where id = 2`);
    await server.query('past', `alter publication "${row.pubname}" add table orders`);
    const base = await backUp();
    await poll(openChanges(url), { signal: never });
    await expect(prove(repository, base)).rejects.toMatchObject({
      code: 'E_NO_MOMENT',
      message: expect.stringContaining('table definitions changed'),
    });
  });
});

function databaseOf(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}

/** A place where a row changes after its replay has ended. */
function meddling(scratch: Scratch, query: (sql: string) => Promise<unknown>): Scratch {
  return new Proxy(scratch, {
    get(target, name) {
      const value = Reflect.get(target, name, target) as unknown;
      if (name !== 'openReplay') return typeof value === 'function' ? value.bind(target) : value;
      return async (options: ReplayOptions) => {
        const replay = await target.openReplay!(options);
        const finish = replay.finish.bind(replay);
        replay.finish = async (signal) => {
          const result = await finish(signal);
          await query('update orders set total = total + 0.01 where id = 500');
          return result;
        };
        return replay;
      };
    },
  });
}
