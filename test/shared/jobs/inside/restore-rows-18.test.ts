import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planRows, restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';
import { type DiffLine, diffLines, putBack, rowsOf, type Scene } from './mending.ts';
import { differences, fillShop, keepTables, SHOP, TABLES } from './postgres-shop.ts';

const accidents = cases(3, 5, 500);
const LINE = 'public."Odd ""line"';

describe('rows of PostgreSQL that are put back, judged by EXCEPT ALL', () => {
  let server: PostgresServer;
  let repository: Repository;
  let scene: Scene;
  const random = seededRandom(testSeed);
  const pick = (most: number) => Math.floor(random() * most);
  const query = async (sql: string) => (await server.query('shop', sql)).rows;

  beforeAll(async () => {
    server = await ownPostgres(18);
    repository = await newRepository();
    await server.createDatabase('shop');
    await query(SHOP);
    await fillShop(query);
    const url = server.url('shop');
    const { key } = await backUpUrl(repository, url);
    const place = { config: { kind: 'postgres', url, options: {} }, env: {} };
    scene = {
      repository,
      key,
      place,
      datasets: Object.keys(TABLES).filter((name) => !/loose|nothing/.test(name)),
    };
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** Accidents are with customers up to 30, what is right with the others: a row of either is known by that. */
  const accident = (i: number): string => {
    const customer = 1 + pick(30);
    const order = 1 + pick(29) + 40 * pick(4);
    const all = [
      `DELETE FROM customer WHERE id = ${customer}`,
      `UPDATE customer SET id = DEFAULT WHERE id = ${customer}`,
      `UPDATE orders SET total = 0, note = NULL, tags = '{}', doc = 'null' WHERE customer = ${customer}`,
      `DELETE FROM "Odd ""line" WHERE order_id % 40 < 29 AND order_id % 7 = ${pick(7)}`,
      `DELETE FROM "Odd ""line" WHERE order_id = ${order}; UPDATE orders SET id = id + 100000 WHERE id = ${order}`,
      `INSERT INTO orders SELECT id + 200000, customer, total FROM orders WHERE customer = ${customer}`,
      `UPDATE tree SET parent = NULL, label = 'x' WHERE id % 9 = ${pick(9)} AND id > 30`,
      `UPDATE tree SET id = id + 1000 WHERE id = ${31 + pick(29)}`,
      `WITH gone AS (DELETE FROM customer WHERE id = ${customer} RETURNING email)
       INSERT INTO customer (email, name) SELECT email, 'other' FROM gone`,
      `DELETE FROM orders WHERE id % 40 < 30 AND id <= 200; DELETE FROM customer WHERE id <= 30`,
    ];
    return all[i < all.length ? i : pick(all.length)] ?? '';
  };
  const rightly = () => [
    `UPDATE customer SET name = 'rightly ' || ${pick(1000)} WHERE id = ${41 + pick(19)}`,
    `INSERT INTO orders (id, customer, note) VALUES (${1e6 + pick(1e9)}, ${41 + pick(19)}, 'rightly')`,
    `UPDATE orders SET note = 'rightly' WHERE id % 40 = 30 AND id % 3 = ${pick(3)}`,
    `DELETE FROM "Odd ""line" WHERE order_id % 40 = 31 AND "n ""o" = 'n2'`,
    `INSERT INTO loose (note) VALUES ('rightly')`,
  ];
  const isRight = ({ dataset, key, ...rest }: DiffLine) =>
    JSON.stringify(rest).includes('rightly') || (dataset === LINE && Number(key['order_id']) % 40 >= 30);

  async function mend(i: number): Promise<void> {
    for (const sql of rightly()) if (pick(2) > 0) await query(sql);
    await keepTables(server, 'shop', 'kept');
    const happened = accident(i);
    await query(happened);
    const lines = (await diffLines(scene)).filter((line) => !isRight(line));
    if (lines.length > 0) await putBack(scene, lines);
    expect(await differences(server, 'shop', 'kept'), happened).toEqual([]);
  }

  it(
    'mends random accidents, and leaves what was rightly changed since',
    async () => {
      for (let i = 0; i < accidents; i++) await mend(accidents > 9 ? i : pick(10));
    },
    tortureTimeoutMs,
  );

  const plan = (...[choices, more = {}]: [Parameters<typeof planRows>[3]['choices'], object?]) =>
    planRows(repository, scene.key, scene.place, { choices, ...more, signal: never });
  const restore = (...[choices, more = {}]: [Parameters<typeof planRows>[3]['choices'], object?]) =>
    restoreRows(repository, scene.key, scene.place, { choices, ...more, signal: never });
  const orders = (more: object = {}) => rowsOf('public.orders', more);

  it('says first what it would do, and on a conflict does what was asked for', async () => {
    await query(`DELETE FROM orders WHERE id = 81; UPDATE orders SET note = 'later' WHERE id = 82`);
    await keepTables(server, 'shop', 'kept');
    const where = ['id >= 81', 'id <= 83'];
    const planned = await plan(orders({ where }));
    expect(planned.datasets).toMatchObject([
      { key: ['id'], added: 1, changed: 0, kept: 1, same: 1, removed: 0, notFound: [] },
    ]);
    expect(planned.violations).toEqual(['public.orders: 1 row of the target differs: (82)']);
    await expect(restore(orders({ where }))).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
    expect(await differences(server, 'shop', 'kept')).toEqual([]);
    await restore(orders({ where }), { onConflict: 'skip' });
    expect(await query('SELECT id, note FROM orders WHERE id IN (81, 82) ORDER BY id')).toEqual([
      { id: '81', note: 'note 81' },
      { id: '82', note: 'later' },
    ]);
    await restore(orders({ where }), { onConflict: 'replace' });
    expect((await query('SELECT note FROM orders WHERE id = 82'))[0]?.note).toBe('note 82');
    const keys = [{ id: '082.0' }, { id: '99999' }];
    expect((await plan(orders({ keys }))).datasets).toMatchObject([{ same: 1, notFound: [{ id: '99999' }] }]);
    await query('DROP SCHEMA kept CASCADE');
  }, 300_000);

  it('names violations with their keys before anything is written', async () => {
    await query(`DELETE FROM customer WHERE id IN (5, 6); DELETE FROM tree WHERE id IN (55, 56);
      INSERT INTO customer (email, name) VALUES ('c6@example.org', 'taken');
      ALTER TABLE tree ADD CONSTRAINT short CHECK (length(label) < 3) NOT VALID`);
    await keepTables(server, 'shop', 'kept');
    const violations = async (...args: Parameters<typeof plan>) => (await plan(...args)).violations;
    expect(await violations(orders({ where: ['customer = 5'] }))).toEqual([
      expect.stringMatching(
        /^public.orders: rows \(4\), .* refer to rows of public.customer that do not exist \(foreign key orders_customer_fkey\); restore those too$/,
      ),
    ]);
    expect(await violations(rowsOf('public.customer', { keys: [{ id: '6' }] }))).toEqual([
      expect.stringMatching(/already have the values of customer_email_key \(email\): \(6 as \d+\)/),
    ]);
    expect(await violations(rowsOf('public.tree', { where: ['id >= 55', 'id < 57'] }))).toEqual([
      'public.tree: the check short does not hold for rows (55), (56)',
    ]);
    const removals = [{ id: '7' }];
    expect(await violations(rowsOf('public.customer', { removals }), { onConflict: 'replace' })).toEqual([
      expect.stringContaining('rows of public.orders refer to (7), which would be removed'),
    ]);
    await expect(restore(orders({ where: ['customer = 5'] }))).rejects.toMatchObject({
      code: 'E_ROWS_REFUSED',
      message: expect.stringContaining('nothing was changed'),
    });
    expect(await differences(server, 'shop', 'kept')).toEqual([]);
    // With what they refer to they fit.
    await restore([
      ...rowsOf('public.customer', { keys: [{ id: '5' }] }),
      ...orders({ where: ['customer = 5'] }),
    ]);
    expect(await query('SELECT 1 FROM orders WHERE customer = 5')).toHaveLength(5);
    await query(`ALTER TABLE tree DROP CONSTRAINT short; DROP SCHEMA kept CASCADE`);
  }, 300_000);

  it('puts rows into a table beside, also those of a table without a key', async () => {
    const done = await restore(rowsOf('public.loose', { where: ['n = 2'] }), { beside: 'Old loose' });
    expect(done).toMatchObject({ beside: 'public."Old loose"', datasets: [{ dataset: 'public.loose' }] });
    const rows = (from: string) =>
      query(`SELECT t::text FROM ${from} t WHERE note IS DISTINCT FROM 'rightly' AND n = 2 ORDER BY 1`);
    expect(await rows('"Old loose"')).toEqual(await rows('loose'));
    expect((await rows('loose')).length).toBe(done.datasets[0]!.added);
    await expect(plan(rowsOf('public.loose'), { beside: 'Old loose' })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
    });
    await expect(plan(rowsOf('public.loose'))).rejects.toMatchObject({
      code: 'E_ROWS_REFUSED',
      message: expect.stringContaining('no primary key'),
    });
  }, 300_000);

  it('restores by the names of columns that both have, and refuses what has no value', async () => {
    await query(
      `DELETE FROM tree WHERE id IN (58, 59); ALTER TABLE tree DROP label; ALTER TABLE tree ADD made int NOT NULL DEFAULT 7`,
    );
    const where = ['id >= 58', 'id < 60'];
    const done = await restore(rowsOf('public.tree', { where }));
    expect(done.warnings).toEqual(['public.tree: the target takes no values of label; they are left out']);
    expect(await query('SELECT id, parent, made FROM tree WHERE id = 58')).toEqual([
      { id: 58, parent: 19, made: 7 },
    ]);
    await query(`DELETE FROM tree WHERE id = 58; ALTER TABLE tree ALTER made DROP DEFAULT`);
    expect((await plan(rowsOf('public.tree', { where }))).violations).toEqual([
      expect.stringContaining('public.tree: made must have a value, has no default'),
    ]);
    await expect(plan(rowsOf('public.tree', { where: ['nothing = 1'] }))).rejects.toMatchObject({
      code: 'E_USAGE',
    });
    await expect(plan(rowsOf('public.tree', { keys: [{ id: 'x' }] }))).rejects.toThrow("'x' is not a number");
    await expect(plan(rowsOf('public.none'))).rejects.toMatchObject({ code: 'E_NO_DATASET' });
  }, 300_000);

  it('writes nothing if a trigger changes what it wrote', async () => {
    await query(`DELETE FROM "Odd ""line" WHERE order_id = 120;
      CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.price = 0; RETURN NEW; END';
      CREATE TRIGGER meddles BEFORE INSERT ON "Odd ""line" FOR EACH ROW EXECUTE FUNCTION meddle()`);
    const rows = rowsOf(LINE, { where: ['order_id = 120'] });
    expect((await plan(rows)).warnings).toEqual([`triggers of ${LINE} will fire: meddles`]);
    await expect(restore(rows)).rejects.toMatchObject({ code: 'E_RESTORE_DIFFERS' });
    expect(await query('SELECT 1 FROM "Odd ""line" WHERE order_id = 120')).toEqual([]);
    await query('DROP FUNCTION meddle CASCADE');
    await restore(rows);
    expect(await query('SELECT 1 FROM "Odd ""line" WHERE order_id = 120')).toHaveLength(2);
  }, 300_000);
});
