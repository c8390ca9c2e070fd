import { afterAll, beforeAll, expect, it } from 'vitest';
import { planRows, restoreRows } from '../../../../shared/jobs/inside/restore-rows.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../../../support/mysql-server.ts';
import { never } from '../../../support/repository/engine.ts';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs } from '../../../support/repository/torture.ts';
import { backUpUrl, newRepository } from '../../sources/mysql/round-trip.ts';
import { DATASETS, differences, fillShop, keepTables, SHOP } from './mariadb-shop.ts';
import { type DiffLine, diffLines, putBack, rowsOf, type Scene } from './mending.ts';

const accidents = cases(4, 8, 500);
const LINE = '`Odd ``line`';

describeWithMysql('rows of MariaDB that are put back, judged by EXCEPT ALL', () => {
  let server: MariadbServer;
  let repository: Repository;
  let scene: Scene;
  const random = seededRandom(testSeed);
  const pick = (most: number) => Math.floor(random() * most);
  const query = (sql: string) => server.query('shop_rows', sql);

  beforeAll(async () => {
    server = await openTestServer();
    repository = await newRepository();
    await server.query(
      undefined,
      'DROP DATABASE IF EXISTS shop_rows; CREATE DATABASE shop_rows CHARACTER SET utf8mb4',
    );
    for (const sql of SHOP) await query(sql);
    await fillShop(query);
    const url = server.url('shop_rows');
    const key = await backUpUrl(repository, url);
    const place = { config: { kind: 'mysql', url, options: {} }, env: {} };
    scene = { repository, key, place, datasets: DATASETS.filter((name) => name !== 'loose') };
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** Accidents are with customers up to 30, what is right with the others: a row of either is known by that. */
  const accident = (i: number): readonly string[] => {
    const customer = 1 + pick(30);
    const order = 1 + pick(29) + 40 * pick(4);
    const all = [
      [`DELETE FROM customer WHERE id = ${customer}`],
      [`UPDATE customer SET id = id + 5000 WHERE id = ${customer}`],
      [`UPDATE orders SET total = 0, note = NULL, raw = '' WHERE customer = ${customer}`],
      [`DELETE FROM \`Odd \`\`line\` WHERE order_id % 40 < 29 AND order_id % 7 = ${pick(7)}`],
      [
        `DELETE FROM \`Odd \`\`line\` WHERE order_id = ${order}`,
        `UPDATE orders SET id = id + 100000 WHERE id = ${order}`,
      ],
      [
        `INSERT INTO orders (id, customer, total) SELECT id + 200000, customer, total FROM orders WHERE customer = ${customer}`,
      ],
      [`UPDATE tree SET parent = NULL, label = 'x' WHERE id % 9 = ${pick(9)} AND id > 30`],
      [`UPDATE tree SET id = id + 1000 WHERE id = ${31 + pick(29)}`],
      [
        `DELETE FROM customer WHERE id = ${customer}`,
        `INSERT INTO customer (id, email, name) VALUES (${customer + 7000}, 'cé${customer}@example.org', 'other')`,
      ],
      [`DELETE FROM orders WHERE id % 40 < 30 AND id <= 200`, `DELETE FROM customer WHERE id <= 30`],
    ];
    return all[i < all.length ? i : pick(all.length)] ?? [];
  };
  const rightly = () => [
    `UPDATE customer SET name = 'rightly ${pick(1000)}' WHERE id = ${41 + pick(19)}`,
    `INSERT INTO orders (id, customer, note) VALUES (${1e6 + pick(1e9)}, ${41 + pick(19)}, 'rightly')`,
    `UPDATE orders SET note = 'rightly' WHERE id % 40 = 30 AND id % 3 = ${pick(3)}`,
    `DELETE FROM \`Odd \`\`line\` WHERE order_id % 40 = 31 AND \`n \`\`o\` = 'n2'`,
    `INSERT INTO loose (note) VALUES ('rightly')`,
  ];
  const isRight = ({ dataset, key, ...rest }: DiffLine) =>
    JSON.stringify(rest).includes('rightly') || (dataset === LINE && Number(key['order_id']) % 40 >= 30);

  async function mend(i: number): Promise<void> {
    for (const sql of rightly()) if (pick(2) > 0) await query(sql);
    await keepTables(server, 'shop_rows', 'kept_rows');
    const happened = accident(i);
    for (const sql of happened) await query(sql);
    const lines = (await diffLines(scene)).filter((line) => !isRight(line));
    if (lines.length > 0) await putBack(scene, lines);
    expect(await differences(server, 'shop_rows', 'kept_rows'), happened.join('; ')).toEqual([]);
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
  const orders = (more: object = {}) => rowsOf('orders', more);

  it('says first what it would do, and on a conflict does what was asked for', async () => {
    await query('DELETE FROM orders WHERE id = 81');
    await query("UPDATE orders SET note = 'later' WHERE id = 82");
    await keepTables(server, 'shop_rows', 'kept_rows');
    const where = ['id >= 81', 'id <= 83'];
    const planned = await plan(orders({ where }));
    expect(planned.datasets).toMatchObject([
      { key: ['id'], added: 1, changed: 0, kept: 1, same: 1, removed: 0 },
    ]);
    expect(planned.violations).toEqual(['orders: 1 row of the target differs: (82)']);
    await expect(restore(orders({ where }))).rejects.toMatchObject({ code: 'E_ROWS_REFUSED' });
    expect(await differences(server, 'shop_rows', 'kept_rows')).toEqual([]);
    await restore(orders({ where }), { onConflict: 'skip' });
    const notes = async () =>
      (await query('SELECT note FROM orders WHERE id IN (81, 82) ORDER BY id')).map(({ note }) => note);
    expect(await notes()).toEqual(['note 81', 'later']);
    await restore(orders({ where }), { onConflict: 'replace' });
    expect(await notes()).toEqual(['note 81', 'note 82']);
  }, 300_000);

  it('names violations with their keys before anything is written', async () => {
    await query('DELETE FROM customer WHERE id IN (5, 6)');
    await query("INSERT INTO customer (id, email, name) VALUES (9000, 'cé6@example.org', 'taken')");
    await query('DELETE FROM tree WHERE id IN (55, 56)');
    await keepTables(server, 'shop_rows', 'kept_rows');
    const violations = async (...args: Parameters<typeof plan>) => (await plan(...args)).violations;
    expect(await violations(orders({ where: ['customer = 5'] }))).toEqual([
      expect.stringMatching(
        /^orders: rows \(4\), .* refer to rows of customer that do not exist \(foreign key the customer\); restore those too$/,
      ),
    ]);
    expect(await violations(rowsOf('customer', { keys: [{ id: '6' }] }))).toEqual([
      expect.stringMatching(/already have the values of email \(email\): \(6 as 9000\)/),
    ]);
    const removals = [{ id: '7' }];
    expect(await violations(rowsOf('customer', { keys: [], removals }), { onConflict: 'replace' })).toEqual([
      expect.stringContaining('rows of orders refer to (7), which would be removed'),
    ]);
    await expect(restore(orders({ where: ['customer = 5'] }))).rejects.toMatchObject({
      code: 'E_ROWS_REFUSED',
      message: expect.stringContaining('nothing was changed'),
    });
    expect(await differences(server, 'shop_rows', 'kept_rows')).toEqual([]);
    // With what they refer to they fit.
    await restore([...rowsOf('customer', { keys: [{ id: '5' }] }), ...orders({ where: ['customer = 5'] })]);
    expect(await query('SELECT 1 FROM orders WHERE customer = 5')).toHaveLength(5);
  }, 300_000);

  it('names the rows that a check would not take', async () => {
    await query('CREATE TABLE checked LIKE tree');
    await query('ALTER TABLE checked ADD CONSTRAINT short CHECK (length(label) < 3)');
    await query('RENAME TABLE tree TO old_tree, checked TO tree');
    expect((await plan(rowsOf('tree', { where: ['id >= 55', 'id < 57'] }))).violations).toEqual([
      'tree: the check short does not hold for rows (55), (56)',
    ]);
    await query('RENAME TABLE tree TO checked, old_tree TO tree');
    await query('DROP TABLE checked');
  }, 300_000);

  it('puts rows into a table beside, also those of a table without a key', async () => {
    const done = await restore(rowsOf('loose', { where: ['n = 2'] }), { beside: 'old loose' });
    expect(done).toMatchObject({ beside: '`old loose`', datasets: [{ dataset: 'loose' }] });
    const rows = (from: string) =>
      query(
        `SELECT hex(note) AS a, n, r, day, hex(b) AS b, hex(t) AS t, y, u FROM ${from} WHERE n = 2 ORDER BY 1, 3, 4, 6`,
      );
    expect(await rows('`old loose`')).toEqual(await rows('loose'));
    expect((await rows('loose')).length).toBe(done.datasets[0]!.added);
    await expect(plan(rowsOf('loose'), { beside: 'old loose' })).rejects.toMatchObject({
      code: 'E_TARGET_NOT_EMPTY',
    });
    await expect(plan(rowsOf('loose'))).rejects.toMatchObject({
      code: 'E_ROWS_REFUSED',
      message: expect.stringContaining('no primary key'),
    });
  }, 300_000);

  it('restores by the names of columns that both have, and refuses what has no value or no transaction', async () => {
    await query('DELETE FROM tree WHERE id IN (58, 59)');
    await query('ALTER TABLE tree DROP label, ADD made int NOT NULL DEFAULT 7');
    const where = ['id >= 58', 'id < 60'];
    const done = await restore(rowsOf('tree', { where }));
    expect(done.warnings).toEqual(['tree: the target takes no values of label; they are left out']);
    expect(await query('SELECT id, parent, made FROM tree WHERE id = 58')).toEqual([
      { id: 58, parent: 19, made: 7 },
    ]);
    await query('DELETE FROM tree WHERE id = 58');
    await query('ALTER TABLE tree MODIFY made int NOT NULL');
    expect((await plan(rowsOf('tree', { where }))).violations).toEqual([
      expect.stringContaining('tree: made must have a value, has no default'),
    ]);
    await query('CREATE TABLE plain ENGINE=MyISAM AS SELECT * FROM tree');
    await query('RENAME TABLE tree TO old_tree, plain TO tree');
    await expect(plan(rowsOf('tree', { where }))).rejects.toThrow('a table of MyISAM in the target');
    await query('RENAME TABLE tree TO plain, old_tree TO tree');
    await query('DROP TABLE plain');
  }, 300_000);

  it('writes nothing if a trigger changes what it wrote', async () => {
    await query('DELETE FROM `Odd ``line` WHERE order_id = 120');
    await query('CREATE TRIGGER meddles BEFORE INSERT ON `Odd ``line` FOR EACH ROW SET NEW.price = 0');
    const rows = rowsOf(LINE, { where: ['order_id = 120'] });
    expect((await plan(rows)).warnings).toEqual([`triggers of ${LINE} will fire: meddles`]);
    await expect(restore(rows)).rejects.toMatchObject({ code: 'E_RESTORE_DIFFERS' });
    expect(await query('SELECT 1 FROM `Odd ``line` WHERE order_id = 120')).toEqual([]);
    await query('DROP TRIGGER meddles');
    await restore(rows);
    expect(await query('SELECT 1 FROM `Odd ``line` WHERE order_id = 120')).toHaveLength(2);
  }, 300_000);
});
