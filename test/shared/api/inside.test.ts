import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { runCommand } from '../../support/command-line.ts';
import { ownPostgres } from '../../support/postgres.ts';
import { never, openRepository, TEST_KEY } from '../../support/repository/engine.ts';
import { turnOfAll } from '../../support/repository/torture.ts';
import { type Serving, startServing } from '../../support/serving.ts';

const it = turnOfAll(3);

const CUSTOMERS = 900;
/** Customers whose orders went with them. */
const LOST = [7, 450];
const SECRET = 'a secret of sixteen characters';

/** A bad afternoon on a real server: looked at and mended by the API, judged by the server's SQL. */
describe('looking inside by the API', () => {
  let folder: string;
  let server: PostgresServer;
  let serving: Serving;
  let backup: string;
  const world = () => ({
    env: { BACKUP_ENCRYPTION_KEY: TEST_KEY, HOLDFAST_MASK_SECRET: SECRET },
    cwd: folder,
  });
  const rules = (columns: object) =>
    writeFile(
      path.join(folder, 'rules.json'),
      JSON.stringify({ version: 1, tables: { 'public.customers': columns } }),
    );
  const back = async (type = 'daily') => {
    const { run } = await serving.json('POST', '/create', { source: 'shop', type }, 202);
    return path.basename((await serving.over(run)).backup, '.json');
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-inside-'));
    server = await ownPostgres(18);
    const shop = { kind: 'postgres', url: await server.createDatabase('shop') };
    await server.query(
      'shop',
      `create table customers (id int primary key, email text, note text, balance numeric(12,2));
       insert into customers select i, 'c' || i || '@shop.example', case when i % 3 = 0 then null else repeat('note ', i % 700) end, i / 7.0
         from generate_series(1, ${CUSTOMERS}) i;
       create table orders (customer int references customers on delete cascade, place int, what text, primary key (customer, place));
       insert into orders select i, p, 'what ' || i || '.' || p from generate_series(1, ${CUSTOMERS}) i, generate_series(1, 3) p;
       create table log (line text);
       insert into log values ('one'), ('one'), (null)`,
    );
    const config = {
      repository: './backups',
      sources: {
        shop: { ...shop, mask: 'rules.json' },
        gone: { kind: 'postgres', url: 'postgres://nobody@127.0.0.1:1/gone' },
      },
      targets: { shop, empty: { kind: 'postgres', url: await server.createDatabase('empty') } },
      drill: { postgres: { url: server.url() } },
      api: { rateLimit: { read: 100_000, poll: 100_000, write: 100_000 } },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    await rules({ id: 'keep', email: 'email', note: 'keep', balance: 'keep' });
    expect((await runCommand('init --quiet', world())).status).toBe(0);
    serving = await startServing('', world());
    backup = await back();
    await server.query(
      'shop',
      `create table was as select * from customers; create table orders_were as select * from orders;
       delete from customers where id in (${LOST}); update customers set balance = 0, note = 'x' where id between 20 and 29;
       insert into customers values (5000, 'new', null, 1); insert into log values ('one')`,
    );
  });
  afterAll(async () => {
    await serving?.[Symbol.asyncDispose]();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const get = (where: string, query: Record<string, string>) =>
    serving.json('GET', `${where}?${new URLSearchParams(query)}`);
  const refused = async (where: string, query: Record<string, string>) => {
    const answer = await serving.call('GET', `${where}?${new URLSearchParams(query)}`);
    const { code, detail } = (await answer.json()) as { code: string; detail: string };
    return `${answer.status} ${code}: ${detail}`;
  };
  const sql = async (text: string) => (await server.query('shop', text)).rows;

  it('gives rows page by page, each value as the server writes it', async () => {
    const found: (string | null)[][] = [];
    let after: string | undefined;
    do {
      const page = await get(`/rows/${backup}`, {
        dataset: 'public.customers',
        limit: '200',
        ...(after === undefined ? {} : { after }),
      });
      expect(page.columns.map(({ name, isKey }: { name: string; isKey: boolean }) => [name, isKey])).toEqual([
        ['id', true],
        ['email', false],
        ['note', false],
        ['balance', false],
      ]);
      found.push(...page.rows.map(({ values }: { values: (string | null)[] }) => values));
      after = page.after;
    } while (after !== undefined);
    const wanted = await sql(
      'select id::text, email, left(note, 2000) as note, balance::text from was order by was.id',
    );
    // The order is that of the table itself.
    found.sort(([a], [b]) => Number(a) - Number(b));
    expect(found).toEqual(wanted.map((row) => Object.values(row)));
  });

  it('finds rows by conditions, with the columns that are wanted, and whole values of a row alone', async () => {
    const page = await get(`/rows/${backup}`, {
      dataset: 'public.customers',
      where: JSON.stringify(['id >= 7', 'balance < 1.50', 'note is not null']),
      columns: '["balance", "id"]',
    });
    const wanted = await sql(
      'select balance::text, id::text from was where was.id >= 7 and was.balance < 1.5 and note is not null order by was.id',
    );
    expect(page.rows).toEqual(wanted.map((row) => ({ values: Object.values(row) })));
    expect(page).toMatchObject({ searched: CUSTOMERS, isMasked: false });
    const long = { dataset: 'public.customers', where: 'id = 698' };
    const [cut] = (await get(`/rows/${backup}`, long)).rows;
    expect(cut).toMatchObject({ cut: [{ column: 2, characters: 698 * 5 }] });
    const [whole] = (await get(`/rows/${backup}`, { ...long, limit: '1' })).rows;
    expect(whole.values[2]).toBe('note '.repeat(698));
  });

  it('refuses what cannot be asked, in words of the API', async () => {
    const rows = (query: Record<string, string>) => refused(`/rows/${backup}`, query);
    const customers = { dataset: 'public.customers' };
    expect(await rows({})).toMatch(/^400 E_BAD_REQUEST: the backup has 3 datasets/);
    expect(await rows({ dataset: 'public.customer' })).toMatch(/^404 E_NO_DATASET/);
    expect(await rows({ ...customers, where: 'mail = 1' })).toMatch(/^400 E_BAD_REQUEST: .*no column 'mail'/);
    expect(await rows({ ...customers, where: 'id = x' })).toMatch(
      /^400 .*id is integer; 'x' is not a number/,
    );
    expect(await rows({ ...customers, where: 'id' })).toMatch(/^400 .*'id' is not a condition/);
    expect(await rows({ ...customers, where: '[1]' })).toMatch(/^400 .*where: is not a JSON array of texts/);
    expect(await rows({ ...customers, columns: 'mail' })).toMatch(/^400 .*no column 'mail'/);
    expect(await rows({ ...customers, after: 'abc' })).toMatch(/^400 .*after is not from an earlier/);
    expect(await rows({ ...customers, limit: '201' })).toMatch(/^400 /);
    expect(await refused('/rows/backup_daily_20010101_000000', customers)).toMatch(/^404 E_NO_BACKUP/);
    expect(await refused(`/diff/${backup}`, { with: 'life' })).toMatch(/^400 .*give 'live' or the name/);
    expect(await refused(`/diff/${backup}`, { with: 'live', dataset: 'public.customer' })).toMatch(
      /^404 E_NO_DATASET/,
    );
    const history = (query: Record<string, string>) => refused('/row-history', { source: 'shop', ...query });
    expect(await history({ dataset: 'public.customers', key: 'x' })).toMatch(/^400 .*'x' is not/);
    expect(await history({ dataset: 'public.orders', key: '1' })).toMatch(/^400 .*1 of 2 values/);
    expect(await history({ dataset: 'public.log', key: '1' })).toMatch(/^400 .*no primary key/);
    expect(await history({ dataset: 'public.nothing', key: '1' })).toMatch(/^404 E_NO_DATASET/);
    expect(await history({ source: 'shops', dataset: 'x', key: '1' })).toMatch(/^404 E_UNKNOWN_NAME/);
    const answer = await serving.json('GET', `/rows/${backup}?dataset=x`, undefined, 404);
    expect(JSON.stringify(answer)).not.toContain('--');
  });

  it('compares with the database as it is, counts all and gives the rows of one', async () => {
    const counts = await get(`/diff/${backup}`, { with: 'live' });
    const of = (name: string) => counts.datasets.find((one: { name: string }) => one.name === name);
    expect(counts.isComplete).toBe(true);
    expect(of('public.customers')).toMatchObject({
      isIn: 'both',
      added: 1,
      removed: 2,
      changed: 10,
      rows: [],
    });
    expect(of('public.orders')).toMatchObject({ added: 0, removed: 6, changed: 0 });
    expect(of('public.log')).toMatchObject({ added: 1, removed: 0, changed: 0 });
    expect(of('public.was')).toMatchObject({ isIn: 'second', schema: ['only the second has it'] });
    const asked = { with: 'live', dataset: 'public.customers', limit: '7' };
    const pages = [await get(`/diff/${backup}`, asked)];
    for (let next = pages[0].datasets[0].after; next; next = pages.at(-1).datasets[0].after)
      pages.push(await get(`/diff/${backup}`, { ...asked, after: next }));
    const rows = pages.flatMap((page) => page.datasets[0].rows);
    expect(pages).toHaveLength(2);
    expect(rows.map(({ change, key }: { change: string; key: string[] }) => `${change} ${key}`)).toEqual(
      (
        await sql(
          `select case when n.id is null then 'removed' when w.id is null then 'added' else 'changed' end || ' ' || coalesce(n.id, w.id) as text
             from customers n full join was w on w.id = n.id where n is distinct from w order by coalesce(n.id, w.id)`,
        )
      ).map(({ text }) => text),
    );
    expect(rows[1]).toMatchObject({ change: 'changed', changedColumns: [2, 3] });
    expect(rows[1].before.slice(0, 2)).toEqual(['20', 'c20@shop.example']);
  });

  const plan = (asked: object) => serving.json('POST', '/restore', { backup, ...asked, dryRun: true });
  const restore = async (asked: object) => {
    const { confirm } = await plan(asked);
    const { run } = await serving.json('POST', '/restore', { backup, ...asked, confirm }, 202);
    return serving.over(run);
  };
  const LOST_ROWS = {
    dataset: 'public.customers',
    keys: LOST.map((id) => [String(id)]),
    more: [{ dataset: 'public.orders', where: ['customer >= 7', 'customer <= 450'] }],
  };

  it('says before a restore what it would change, and writes nothing', async () => {
    const { changes } = await plan({
      to: 'shop',
      datasets: ['public.customers', 'public.log'],
      replace: true,
    });
    expect(changes).toEqual({
      isComplete: true,
      problem: null,
      datasets: [
        { name: 'public.customers', added: 2, removed: 1, changed: 10 },
        { name: 'public.log', added: 0, removed: 1, changed: 0 },
      ],
    });
    const into = await plan({ to: 'empty', datasets: ['public.customers'] });
    expect(into.changes.datasets).toEqual([
      { name: 'public.customers', added: CUSTOMERS, removed: 0, changed: 0 },
    ]);
    expect((await plan({ newDatabase: 'another' })).changes).toBe(null);
  });

  it('refuses rows that cannot be put back, and says why', async () => {
    const answer = async (asked: object) => {
      const got = await serving.call('POST', '/restore', { backup, to: 'shop', dryRun: true, ...asked });
      const { code, detail } = (await got.json()) as { code: string; detail: string };
      return `${got.status} ${code}: ${detail}`;
    };
    const customers = { dataset: 'public.customers' };
    expect(await answer({ rows: customers, replace: true })).toMatch(/^400 .*replace: does not go with rows/);
    expect(await answer({ rows: { ...customers, keys: [['1', '2']] } })).toMatch(/^400 .*it is \(id\)/);
    expect(await answer({ rows: { ...customers, keys: [['x']] } })).toMatch(/^400 .*'x' is not a number/);
    expect(await answer({ rows: { ...customers, where: ['mail = 1'] } })).toMatch(/^400 .*no column 'mail'/);
    expect(await answer({ rows: { dataset: 'public.log', keys: [['1']] } })).toMatch(/^400 .*there is none/);
    expect(await answer({ rows: customers, to: 'empty' })).toMatch(/^409 E_ROWS_REFUSED/);
    expect(await answer({ rows: { dataset: 'nothing' } })).toMatch(/^404 E_NO_DATASET/);
    // Orders of customers who are gone, and rows that differ.
    const orphans = (await plan({ to: 'shop', rows: { dataset: 'public.orders' } })).plan;
    expect(orphans.rows.violations).toEqual([expect.stringContaining('orders_customer_fkey')]);
    const differ = (await plan({ to: 'shop', rows: { ...customers, where: ['id < 30'] } })).plan;
    expect(differ).toMatchObject({
      conflicts: [expect.stringContaining('10 rows of the target differ')],
      rows: { datasets: [{ added: 1, changed: 0, kept: 10, same: 18 }] },
    });
    const over = await restore({ to: 'shop', rows: { ...customers, where: ['id < 30'] } });
    expect(over).toMatchObject({ state: 'failed', error: { code: 'E_ROWS_REFUSED' } });
    expect(over.error.hint).not.toContain('--');
  });

  it('puts lost rows back with what hangs on them, in one run, and nothing else', async () => {
    const { plan: found } = await plan({ to: 'shop', rows: LOST_ROWS });
    expect(found).toMatchObject({
      conflicts: [],
      rows: {
        violations: [],
        datasets: [
          { name: 'public.customers', key: ['id'], added: 2, notFound: 0 },
          { name: 'public.orders', added: 6, changed: 0, kept: 0 },
        ],
      },
    });
    const over = await restore({ to: 'shop', rows: LOST_ROWS });
    expect(over).toMatchObject({ state: 'succeeded', result: { records: 8, added: 8, changed: 0 } });
    const skipped = await restore({
      to: 'shop',
      rows: { dataset: 'public.customers', where: ['id < 25'], onConflict: 'replace' },
    });
    expect(skipped).toMatchObject({ state: 'succeeded', result: { added: 0, changed: 5, removed: 0 } });
    expect(
      await sql(
        `select count(*)::int as n, min(coalesce(n.id, w.id)) as first, max(coalesce(n.id, w.id)) as last
           from customers n full join was w on w.id = n.id where n is distinct from w`,
      ),
    ).toEqual([{ n: 6, first: 25, last: 5000 }]);
    expect(await sql('select * from orders except all select * from orders_were')).toEqual([]);
    expect(await sql('select * from orders_were except all select * from orders')).toEqual([]);
  });

  it('puts rows into a table beside', async () => {
    const rows = { dataset: 'public.customers', where: ['id <= 10'], beside: true };
    const name = `customers_${backup.slice(-15)}`;
    expect((await plan({ to: 'shop', rows })).plan.rows.beside).toBe(`public.${name}`);
    expect(await restore({ to: 'shop', rows })).toMatchObject({ state: 'succeeded', result: { added: 10 } });
    expect(await sql(`select * from ${name} except all select * from was where id <= 10`)).toEqual([]);
    const again = await serving.call('POST', '/restore', { backup, to: 'shop', rows, dryRun: true });
    expect([again.status, JSON.stringify(await again.json())]).toEqual([
      409,
      expect.stringContaining('rows.beside'),
    ]);
  });

  it('gives every version of a row, and compares two backups', async () => {
    const later = await back('weekly');
    const row = { source: 'shop', dataset: 'public.customers' };
    const { versions, backups, isComplete } = await get('/row-history', { ...row, key: '25' });
    expect([backups, isComplete]).toEqual([2, true]);
    expect(versions.map(({ values }: { values: string[] }) => values[3])).toEqual(['3.57', '0.00']);
    expect((await get('/row-history', { ...row, key: '9' })).versions).toHaveLength(1);
    expect(versions[0]).toMatchObject({ transaction: null, key: expect.stringContaining(backup) });
    const moments = await get('/row-history', { ...row, key: '25', moments: 'true' });
    expect(moments).toMatchObject({ versions, warnings: [] });
    const orders = { source: 'shop', dataset: 'public.orders', key: '["9", "2"]' };
    expect((await get('/row-history', orders)).versions[0].values).toEqual(['9', '2', 'what 9.2']);
    expect((await get('/row-history', { ...row, key: '5000' })).versions).toMatchObject([
      { values: null },
      { values: ['5000', 'new', null, '1.00'] },
    ]);
    const { datasets } = await get(`/diff/${backup}`, { with: later, dataset: 'public.customers' });
    expect(datasets).toMatchObject([{ added: 1, removed: 0, changed: 5 }]);
    const reverse = await get(`/diff/${later}`, { with: backup, dataset: 'public.customers' });
    expect(reverse.datasets).toMatchObject([{ added: 0, removed: 1, changed: 5 }]);
  });

  it('has every look in the audit trail, and what was looked for only behind the key', async () => {
    const where = 'email = c77@shop.example';
    await get(`/rows/${backup}`, { dataset: 'public.customers', where });
    const { entries } = await serving.json('GET', '/audit?action=look&limit=200');
    const keys = new HexKeyProvider(TEST_KEY);
    await using repository = await openRepository(new FolderStore(path.join(folder, 'backups')), { keys });
    const found: unknown[] = [];
    for (const { report, at, backups } of entries) {
      expect(await readFile(path.join(folder, 'backups', report), 'utf8')).not.toMatch(
        /c77@|email|customers/,
      );
      const stored = await repository.reports.open(report, new Date(at), never);
      const details = await repository.reports.details(stored.report!, never);
      found.push({ ...details, backups: backups.map((key: string) => path.basename(key, '.json')) });
    }
    expect(entries).toMatchObject(entries.map(() => ({ outcome: 'begun', sources: ['shop'] })));
    expect(found).toContainEqual(
      expect.objectContaining({ what: 'rows', dataset: 'public.customers', where, backups: [backup] }),
    );
  });

  it('shows others masked rows, searched as they are shown, and nothing if a column has no rule', async () => {
    await using others = await startServing('--role viewer', world());
    const where = (condition: string) =>
      `/rows/${backup}?${new URLSearchParams({ dataset: 'public.customers', where: condition, columns: '["id", "email"]' })}`;
    const masked = await others.json('GET', where('id = 77'));
    expect(masked).toMatchObject({
      isMasked: true,
      rows: [{ values: ['77', expect.stringContaining('@')] }],
    });
    const [shown] = masked.rows[0].values.slice(1);
    expect(shown).not.toContain('c77@');
    expect((await others.json('GET', where('email = c77@shop.example'))).rows).toEqual([]);
    expect((await others.json('GET', where(`email = ${shown}`))).rows).toHaveLength(1);
    for (const route of [
      `/diff/${backup}?with=live`,
      '/row-history?source=shop&dataset=public.customers&key=1',
    ])
      expect((await others.call('GET', route)).status).toBe(403);
    expect((await others.call('GET', `/rows/${backup}?dataset=public.orders`)).status).toBe(409);
    await rules({ id: 'keep', email: 'email', balance: 'keep' });
    const refusal = await others.call('GET', where('id = 77'));
    expect([refusal.status, await refusal.text()]).toEqual([
      409,
      expect.stringContaining('public.customers.note'),
    ]);
  });
});
