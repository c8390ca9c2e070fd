import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { DESK, expectClean } from '../support/console/clean-looks.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { sample } from '../support/repository/torture.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** What axe looks at. */
const SHOWN = [
  'compared',
  'rows that differ',
  'removal',
  'history',
  'masked rows',
  'how',
  'plan',
  'rows',
  'a refusal',
  'what will change',
] as const;
/** Of the way to a deleted customer: with ten seconds for each it is under two minutes. */
const MOST_STEPS = 11;

const SHOP = `
  create table customers (
    id int primary key, name text not null, email text not null unique, note text, biography text not null);
  create table orders (
    id int primary key, customer int not null references customers on delete cascade, total numeric(10, 2) not null);
  insert into customers
    select i, 'Customer ' || i, 'c' || i || '@shop.example', case i when 8 then 'NULL' when 9 then '' end, repeat('Life of ' || i || '. ', 60)
    from generate_series(1, 40) i;
  insert into orders select i, 1 + i % 40, i * 1.5 from generate_series(1, 120) i;
  create table visits (at timestamptz, path text);
  insert into visits select timestamptz '2026-01-01' + i * interval '1 hour', '/' || i from generate_series(1, 20) i`;

/** One customer was deleted, and all their orders with them; others go on. */
const ACCIDENT = `
  delete from customers where id = 7;
  update customers set note = 'moved to Ulm' where id = 3;
  insert into customers values (41, 'Customer 41', 'c41@shop.example', null, 'New.')`;

/** What viewers see; of the other tables they see nothing. */
const MASK = { id: 'keep', name: 'name', email: 'email', note: 'keep', biography: 'text' };

/** What is written does not read back as it was. */
const MEDDLING = `
  create function meddle() returns trigger language plpgsql as $$ begin new.note := 'meddled'; return new; end $$;
  create trigger meddles before update on customers for each row execute function meddle()`;

/** A bad afternoon, in a browser: rows are found and put back by whatever the screen says. */
describeInTurn(0, 3)(['chromium'], 'putting rows back by the console', () => {
  let folder: string;
  let server: PostgresServer;
  let browser: Browser;
  let serving: Serving;
  let viewing: Serving;
  let context: BrowserContext;
  let page: Page;
  let backup: string;
  let before: Awaited<ReturnType<typeof rowsNow>>;
  let steps = 0;
  const complaints: string[] = [];
  const looked = sample(SHOWN, 2);

  /** What a person does: presses what has that name, ticks it, or types. */
  const press = async (name: string | RegExp, role: 'button' | 'link' = 'button') => {
    steps++;
    await page.getByRole(role, { name, ...(typeof name === 'string' ? { exact: true } : {}) }).click();
  };
  const tick = async (name: string) => {
    steps++;
    await page.getByRole('checkbox', { name, exact: true }).check();
  };
  const type = async (label: string | RegExp, text: string) => {
    steps++;
    await page.getByLabel(label, { exact: true }).fill(text);
  };
  const goTo = async (place: string, shows: string) => {
    await page.evaluate(`location.hash = '#/${place}'`);
    await page.getByText(shows).first().waitFor();
  };
  const ended = async (state: 'Succeeded' | 'Failed') => {
    await page.waitForURL(/#\/runs\//);
    await page.locator('.page-head .badge', { hasText: /Succeeded|Failed|Cancelled/ }).waitFor();
    expect(await page.locator('.page-head .badge').textContent()).toBe(state);
  };
  const rowsNow = async () => ({
    customers: (await server.query('shop', 'select * from customers order by id')).rows,
    orders: (await server.query('shop', 'select * from orders order by id')).rows,
  });
  const isClean = async (what: (typeof SHOWN)[number], of: Page = page) => {
    if (looked.includes(what)) await expectClean(of, what);
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-rows-'));
    const { folder: consoleFolder } = await builtConsole();
    [server, browser] = await Promise.all([ownPostgres(18), sharedBrowser()]);
    const place = async (name: string) => ({ kind: 'postgres', url: await server.createDatabase(name) });
    const shop = await place('shop');
    const rules = { version: 1, tables: { 'public.customers': MASK } };
    await writeFile(path.join(folder, 'rules.json'), JSON.stringify(rules));
    const config = {
      repository: './backups',
      sources: { shop: { ...shop, mask: 'rules.json' } },
      targets: { shop, staging: await place('staging') },
    };
    for (const database of ['shop', 'staging']) await server.query(database, SHOP);
    await server.query('staging', 'delete from orders where id <= 5');
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, HOLDFAST_MASK_SECRET: 'a secret of sixteen characters' };
    const world = { env, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing(`--console ${consoleFolder}`, world);
    viewing = await startServing(`--console ${consoleFolder} --role viewer`, world);
    const { run } = await serving.json('POST', '/create', { source: 'shop', type: 'daily' }, 202);
    backup = path.basename((await serving.over(run)).backup, '.json');
    before = await rowsNow();
    await server.query('shop', ACCIDENT);
    context = await browser.newContext({ viewport: DESK });
    page = await openConsolePage(context, complaints);
    await page.goto(newestLink(serving));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  }, 240_000);
  afterAll(async () => {
    await context?.close();
    await viewing?.[Symbol.asyncDispose]();
    await serving?.[Symbol.asyncDispose]();
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  it('leads somebody who never saw it to a deleted customer and their orders, and puts them back', async () => {
    steps = 0;
    await press('Restore shop', 'link');
    await press('Continue');
    await press('See what changed since', 'link');
    await press('Show rows of public.customers');
    await isClean('compared');
    await tick('Pick the row with id 7');
    await press('Show rows of public.orders');
    await tick('Pick all rows that are shown');
    await page.getByText('Picked: 1 row of public.customers, 3 rows of public.orders.').waitFor();
    await isClean('rows that differ');
    await press('Put back 4 rows');
    await isClean('how');
    await press('Continue');
    await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
    // The heading of the step has the focus, for those who hear the page.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Is this right?');
    await isClean('plan');
    await type(/type the name of the target/, 'shop');
    await press('Put back into shop');
    expect(steps).toBeLessThanOrEqual(MOST_STEPS);
    await ended('Succeeded');
    const { customers, orders } = await rowsNow();
    expect(orders).toEqual(before.orders);
    // What was rightly done since is still there.
    expect(customers.find(({ id }) => id === 3)?.note).toBe('moved to Ulm');
    expect(customers.filter(({ id }) => id !== 3 && id !== 41)).toEqual(
      before.customers.filter(({ id }) => id !== 3),
    );
    expect(customers).toHaveLength(before.customers.length + 1);
  });

  it('removes a row that came later only if it is ticked for that', async () => {
    await goTo(`compare/${backup}?with=live&dataset=public.customers`, 'Only in the database now');
    await page.getByRole('checkbox', { name: 'Pick all rows that are shown', exact: true }).check();
    await page.getByText('Picked: 1 row of public.customers.').waitFor();
    await press('Pick none');
    await tick('Remove the row with id 41');
    await page.getByText('Picked to remove: 1 row of public.customers.').waitFor();
    await press('Remove 1 row');
    await page.getByRole('heading', { name: 'Remove 1 row of public.customers' }).waitFor();
    expect(await page.getByLabel('A new table beside it').count()).toBe(0);
    await press('Continue');
    await page.getByRole('row', { name: /^public.customers 0 rows 0 1 0 0$/ }).waitFor();
    await isClean('removal');
    await type(/type the name of the target/, 'shop');
    await press('Remove from shop');
    await ended('Succeeded');
    const { customers } = await rowsNow();
    expect(customers.map(({ id }) => id)).toEqual(before.customers.map(({ id }) => id));
    expect(customers.find(({ id }) => id === 3)?.note).toBe('moved to Ulm');
  });

  it('shows every version of a row, from what to what, and puts one back', async () => {
    const { run } = await serving.json('POST', '/create', { source: 'shop', type: 'weekly' }, 202);
    await serving.over(run);
    await goTo(`rows/${backup}?dataset=public.customers`, '40 rows');
    await press('History of the row with id 3', 'link');
    await page.getByRole('heading', { name: 'History of a row of public.customers' }).waitFor();
    const versions = page.locator('.versions > li');
    await versions.nth(1).waitFor();
    expect(await versions.count()).toBe(2);
    expect(await versions.nth(0).getByRole('row').nth(1).textContent()).toBe('noteNULLmoved to Ulm');
    expect(await versions.nth(1).getByRole('row').count()).toBe(6);
    await isClean('history');
    await versions.nth(1).getByRole('button', { name: 'Put back this version' }).click();
    await press('Continue');
    await page.getByRole('row', { name: /^public.customers 0 rows 1 0 0$/ }).waitFor();
    await type(/type the name of the target/, 'shop');
    await press('Put back into shop');
    await ended('Succeeded');
    expect((await rowsNow()).customers.find(({ id }) => id === 3)?.note).toBe(null);
    await server.query('shop', `update customers set note = 'moved to Ulm' where id = 3`);
  });

  it('finds rows by key and by condition, and shows NULL, long values and refusals as what they are', async () => {
    await goTo(`backups/${backup}`, 'Why it is kept');
    await press('public.customers', 'link');
    await page.getByText('40 rows').waitFor();
    const note = (row: string) => page.getByRole('row').filter({ hasText: row }).getByRole('cell').nth(4);
    // Framed is what is no text.
    const look = async (row: string) => [
      await note(row).textContent(),
      await note(row).locator('.no-value').count(),
    ];
    expect(await look('c10@shop.example')).toEqual(['NULL', 1]);
    expect(await look('c8@shop.example')).toEqual(['NULL', 0]);
    expect(await look('c9@shop.example')).toEqual(['empty text', 1]);
    await type('Value', '7');
    await page.keyboard.press('Enter');
    await page.getByText('1 row, of').waitFor();
    await press(/^Show all [\d,]+ characters$/);
    await page.getByText('Life of 7. '.repeat(60).trim()).waitFor();
    await isClean('rows');
    await press(/^id is 7/);
    await type('Value', 'seven');
    await press('Find');
    await page.getByText("'seven' is not a number").first().waitFor();
    await isClean('a refusal');
    await press(/^id is seven/);
    await page.getByLabel('Find rows where').selectOption('email');
    await page.getByLabel('Condition', { exact: true }).selectOption('contains');
    await type('Value', 'c4@');
    await press('Find');
    await page.getByText('1 row, of').waitFor();
    await page.getByText(/^5 columns$/).click();
    await page.getByRole('checkbox', { name: 'biography' }).uncheck();
    await page.getByText('4 of 5 columns').waitFor();
    expect(await page.getByRole('columnheader', { name: /biography/ }).count()).toBe(0);
  });

  it('names a row that changed since, and makes it as in the backup only if that is asked for', async () => {
    await server.query('shop', MEDDLING);
    await goTo(`rows/${backup}?dataset=public.customers`, '40 rows');
    const box = page.getByRole('checkbox', { name: 'Pick the row with id 3', exact: true });
    await box.focus();
    await page.keyboard.press('Space');
    await press('Put back 1 row');
    await press('Continue');
    await page.getByText(/1 row of the target differs: \(3\)/).waitFor();
    await type(/type the name of the target/, 'shop');
    const put = page.getByRole('button', { name: 'Put back into shop' });
    expect(await put.getAttribute('aria-disabled')).toBe('true');
    await press('Back');
    await page.getByLabel('Make it as in the backup').check();
    await press('Continue');
    await type(/type the name of the target/, 'shop');
    await put.click();
    await ended('Failed');
    await page.getByText('Nothing was changed at shop.').waitFor();
    await server.query('shop', 'drop function meddle cascade');
    await goTo(`rows/${backup}?dataset=public.customers`, '40 rows');
    await tick('Pick the row with id 3');
    await press('Put back 1 row');
    await page.getByLabel('Make it as in the backup').check();
    await press('Continue');
    await type(/type the name of the target/, 'shop');
    await put.click();
    await ended('Succeeded');
    expect((await rowsNow()).customers.filter(({ id }) => id < 41)).toEqual(before.customers);
  });

  it('puts what was found of rows without a key into a new table', async () => {
    await goTo(`rows/${backup}?dataset=public.visits`, '20 rows');
    await page.getByText('These rows have no key').waitFor();
    await page.getByLabel('Find rows where').selectOption('path');
    await type('Value', '/5');
    await press('Find');
    await press('Put back all rows that match');
    await press('Continue');
    await page.getByText('New table').waitFor();
    await type(/type the name of the target/, 'shop');
    await press('Put back into shop');
    await ended('Succeeded');
    const { rows } = await server.query(
      'shop',
      `select table_name from information_schema.tables where table_name like 'visits%' and table_name <> 'visits'`,
    );
    expect(rows).toHaveLength(1);
    expect((await server.query('shop', `select path from "${rows[0]?.table_name}"`)).rows).toEqual([
      { path: '/5' },
    ]);
  });

  it('says what a whole restore will change before it begins', async () => {
    await goTo(`restore/${backup}`, 'Where to?');
    await page.getByLabel('staging').check();
    await press('Continue');
    const change = page.getByRole('region', { name: 'What will change' });
    await change.getByRole('row', { name: /^public.orders 5 0 0$/ }).waitFor();
    await isClean('what will change');
  });

  it('shows a viewer masked rows, nothing to pick, and nothing of what has no rules', async () => {
    const other = await openConsolePage(context, complaints);
    await other.goto(newestLink(viewing));
    await other.getByRole('heading', { name: 'Overview' }).waitFor();
    await other.evaluate(`location.hash = '#/compare/${backup}'`);
    await other.getByText('This needs the role restorer; you have viewer.').waitFor();
    await other.evaluate(`location.hash = '#/rows/${backup}?dataset=public.customers'`);
    await other.getByText('Personal values are masked').waitFor();
    await other.getByText('40 rows').waitFor();
    const shown = await other.getByRole('region', { name: 'Rows of public.customers' }).textContent();
    expect(shown).toContain('@');
    expect(shown).not.toMatch(/@shop.example|Customer \d|Life of/);
    for (const role of ['checkbox', 'link'] as const)
      expect(await other.locator('table.rows').getByRole(role).count(), role).toBe(0);
    expect(await other.getByRole('button', { name: /^Put back/ }).count()).toBe(0);
    await isClean('masked rows', other);
    // What is searched is what is shown.
    await other.getByLabel('Find rows where').selectOption('email');
    await other.getByLabel('Value', { exact: true }).fill('c7@shop.example');
    await other.getByRole('button', { name: 'Find', exact: true }).click();
    await other.getByText('No row matches').waitFor();
    await other.evaluate(`location.hash = '#/rows/${backup}?dataset=public.orders'`);
    await other.getByRole('alert').filter({ hasText: 'public.orders' }).waitFor();
    await other.evaluate(
      `location.hash = '#/history?source=shop&dataset=public.customers&key=%5B%223%22%5D'`,
    );
    await other.getByText('This needs the role restorer; you have viewer.').waitFor();
    await other.close();
  });

  it('says that the database cannot be reached, and compares with another backup meanwhile', async () => {
    await server.stop();
    await goTo(`compare/${backup}?with=live`, 'cannot be compared');
    await page.getByText('Other backups can be compared meanwhile.').waitFor();
    await page.getByText('E_SOURCE_UNREACHABLE').waitFor();
    expect(await page.getByText('The API does not respond').count()).toBe(0);
    await page.getByLabel('Compare with').selectOption({ index: 1 });
    await page.getByRole('region', { name: 'Differences' }).getByText('public.customers').waitFor();
  });
});
