import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { DESK, expectClean, PHONE } from '../support/console/clean-looks.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { sample } from '../support/repository/torture.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { obstructOrders } from '../support/stores/obstacle.ts';

const ROWS = 200;
/** What is shown on the way, and looked at by axe. */
const SHOWN = [
  'moment',
  'what and where',
  'confirm',
  'source',
  'a run',
  'a cancelled run',
  'drops',
  'backups',
  'configuration',
] as const;

/** The worst day, in a browser: from the landing page to a restored database, by whatever goes wrong on the way. */
describeInTurn(1, 3)(['chromium'], 'restoring by the console', () => {
  let folder: string;
  let server: PostgresServer;
  let browser: Browser;
  let serving: Serving;
  let context: BrowserContext;
  let page: Page;
  /** Of the backup that all of this is about. */
  let backup: string;
  let clicks = 0;
  const complaints: string[] = [];

  const click = async (name: string | RegExp, role: 'button' | 'link' = 'button') => {
    clicks++;
    await page.getByRole(role, { name, ...(typeof name === 'string' ? { exact: true } : {}) }).click();
  };
  const goTo = async (place: string, shows: string) => {
    await page.evaluate(`location.hash = '#/${place}'`);
    await page.getByText(shows).first().waitFor();
  };
  const ended = async (state: string) => {
    await page.waitForURL(/#\/runs\//);
    await page.locator('.page-head .badge', { hasText: /Succeeded|Failed|Cancelled/ }).waitFor();
    expect(await page.locator('.page-head .badge').textContent()).toBe(state);
  };
  const type = (name: string) => page.getByLabel(/type the name of the target/).fill(name);
  const orders = async (database: string) =>
    (await server.query(database, 'select count(*)::int n, min(note) a from orders')).rows[0];
  const WHOLE = { n: ROWS, a: 'order 1' };
  const looked = sample(SHOWN, 3);
  /** axe, on what is shown now. */
  const isClean = async (what: (typeof SHOWN)[number]) => {
    if (looked.includes(what)) await expectClean(page, what);
  };

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-restore-'));
    const { folder: consoleFolder } = await builtConsole();
    [server, browser] = await Promise.all([ownPostgres(18), sharedBrowser()]);
    const place = async (name: string) => ({ kind: 'postgres', url: await server.createDatabase(name) });
    const config = {
      repository: './backups',
      sources: { shop: await place('shop'), crm: await place('crm') },
      targets: { shop_copy: await place('shop_copy'), crm_copy: await place('crm_copy') },
      drill: { postgres: { url: server.url() } },
    };
    await server.query(
      'shop',
      `create table customers (id int primary key); insert into customers select generate_series(1, 10);
       create table orders (id int primary key, note text);
       insert into orders select i, 'order ' || i from generate_series(1, ${ROWS}) i`,
    );
    await server.query('crm', 'create table people (id int primary key); insert into people values (1)');
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing(`--console ${consoleFolder}`, world);
    for (const source of ['crm', 'shop']) {
      const { run } = await serving.json('POST', '/create', { source, type: 'daily' }, 202);
      backup = path.basename((await serving.over(run)).backup, '.json');
    }
    await serving.over((await serving.json('POST', '/drill', { backup }, 202)).run);
    context = await browser.newContext({ viewport: DESK });
    page = await openConsolePage(context, complaints);
    await page.goto(newestLink(serving));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  }, 240_000);
  afterAll(async () => {
    await context?.close();
    await serving?.[Symbol.asyncDispose]();
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  it('brings the newest good backup into a new database by four clicks and a name', async () => {
    clicks = 0;
    await click('Restore shop', 'link');
    await page.getByRole('heading', { name: 'Which moment?' }).waitFor();
    await isClean('moment');
    await click('Continue');
    await page.getByRole('heading', { name: 'What, and where to?' }).waitFor();
    // The heading of the step has the focus, for those who hear the page.
    expect(await page.evaluate('document.activeElement.textContent')).toBe('What, and where to?');
    const name = await page.getByLabel('Name of the new database').inputValue();
    expect(name).toMatch(/^shop_\d{8}_\d{4}$/);
    await isClean('what and where');
    await click('Continue');
    await page.getByText(/by the drill of/).waitFor();
    expect(await page.locator('.restore-banner').textContent()).toMatch(new RegExp(`shop, .*${name}`));
    await isClean('confirm');
    await type(name);
    await click(`Restore into ${name}`);
    expect(clicks).toBeLessThanOrEqual(4);
    await ended('Succeeded');
    await page.getByText('Restored, read back, and compared with the backup.').waitFor();
    expect(await orders(name)).toEqual(WHOLE);
  });

  it('asks for the source first where there are several, and takes it back', async () => {
    await goTo('', 'Overview');
    await page.getByRole('link', { name: 'Restore', exact: true }).first().click();
    await page.getByRole('heading', { name: 'Which database?' }).waitFor();
    await isClean('source');
    await page.getByRole('button', { name: /^crm/ }).click();
    await page.getByRole('heading', { name: 'Which moment?' }).waitFor();
    await page.locator('.restore-banner', { hasText: 'crm' }).waitFor();
    await click('Back');
    await page.getByRole('button', { name: /^shop/ }).click();
    await page.locator('.restore-banner', { hasText: 'shop' }).waitFor();
    // Nothing is so old.
    await page.getByLabel('Not after').fill('2020-01-01T10:30');
    await page.getByText('No backup is that old').waitFor();
  });

  it('warns of a target that is called after another source, on each step from then on', async () => {
    const warning = 'crm_copy is named after crm, but this backup is from shop.';
    await goTo(`restore/${backup}`, 'What, and where to?');
    await page.getByLabel('crm_copy').check();
    await page.getByText(warning).waitFor();
    await click('Continue');
    await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
    await page.getByText(warning).waitFor();
    await click('Back');
    await page.getByLabel('shop_copy').check();
    expect(await page.getByText(warning).count()).toBe(0);
  });

  // Each of the next three leaves all of the backup in shop_copy, and takes whatever it finds there.
  const tried = sample(['cancelled', 'failed', 'in the way'] as const, 1);
  const itOf = (what: (typeof tried)[number]) => it.runIf(tried.includes(what));

  itOf('cancelled')(
    'cancels a restore that goes on, also after the page was loaded again, and ends it by replacing',
    async () => {
      const obstacle = await obstructOrders(server, 'shop_copy', 'waits');
      await click('Continue');
      await type('shop_copy');
      await click('Restore into shop_copy');
      await page.waitForURL(/#\/runs\//);
      await obstacle.met();
      await page.getByText(/^Restoring: /).waitFor();
      await page.reload();
      await page.getByText(/^Restoring: /).waitFor();
      await isClean('a run');
      await click('Cancel run');
      await page.getByRole('dialog').getByRole('button', { name: 'Cancel run' }).click();
      await ended('Cancelled');
      await page.getByText('shop_copy was checked afterwards: it holds a part of the backup.').waitFor();
      await isClean('a cancelled run');
      await obstacle[Symbol.asyncDispose]();
      await click('Restore with replace', 'link');
      await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
      await page.getByText(/at the target will be dropped first/).waitFor();
      await page
        .locator('.note', { hasText: 'will be dropped first' })
        .getByText(/orders/)
        .first()
        .waitFor();
      await isClean('drops');
      await type('shop_copy');
      await click('Restore into shop_copy');
      await ended('Succeeded');
      expect(await orders('shop_copy')).toEqual(WHOLE);
    },
  );

  itOf('failed')('carries a failed restore to its end by the datasets that are missing', async () => {
    await server.query('shop_copy', 'drop table if exists orders, customers');
    const obstacle = await obstructOrders(server, 'shop_copy', 'refuses');
    await goTo(`restore/${backup}`, 'What, and where to?');
    await page.getByLabel('shop_copy').check();
    await click('Continue');
    await type('shop_copy');
    await click('Restore into shop_copy');
    await ended('Failed');
    await page
      .getByText(/no order may come in/)
      .first()
      .waitFor();
    await page.getByText('Not whole: public.orders.').waitFor();
    await obstacle[Symbol.asyncDispose]();
    await click('Restore only the missing datasets', 'link');
    await page.getByText(/at the target will be dropped first/).waitFor();
    expect(await page.locator('.restore-banner').textContent()).toContain('1 dataset only');
    await type('shop_copy');
    await click('Restore into shop_copy');
    await ended('Succeeded');
    expect(await orders('shop_copy')).toEqual(WHOLE);
  });

  itOf('in the way')('replaces what is in the way only after it was shown', async () => {
    await server.query('shop_copy', 'create table if not exists orders (id int primary key, note text)');
    await goTo(`restore/${backup}`, 'What, and where to?');
    await page.getByLabel('shop_copy').check();
    await click('Continue');
    await page.getByText(/The target is not empty/).waitFor();
    await type('shop_copy');
    const go = page.getByRole('button', { name: 'Restore into shop_copy' });
    expect(await go.getAttribute('aria-disabled')).toBe('true');
    await click('Replace what is in the way');
    await page.getByText(/at the target will be dropped first/).waitFor();
    await type('shop');
    expect(await go.getAttribute('aria-disabled')).toBe('true');
    await type('shop_copy');
    await go.click();
    await ended('Succeeded');
  });

  it('is whole on a phone: signs out, folds its filters, and opens the calendar at today', async () => {
    await page.setViewportSize(PHONE);
    await goTo('', 'Backups by day');
    await page.locator('.heat').first().waitFor();
    const atEnd = await page.evaluate(`(() => {
      const { scrollLeft, clientWidth, scrollWidth } = document.querySelector('.heat').closest('.scroll-x');
      return scrollWidth > clientWidth && scrollLeft + clientWidth >= scrollWidth - 2;
    })()`);
    expect(atEnd).toBe(true);
    await goTo('backups', 'Filters');
    expect(await page.getByLabel('Search').isVisible()).toBe(false);
    await click('Filters');
    expect(await page.getByLabel('Search').isVisible()).toBe(true);
    await isClean('backups');
    await page.setViewportSize(PHONE);
    await page.evaluate("location.hash = '#/%'");
    await page.getByText('There is no such screen').waitFor();
    await goTo('configuration', 'Restore targets');
    await isClean('configuration');
    await page.setViewportSize(PHONE);
    await click('Sign out');
    await page.getByText('You are signed out.').waitFor();
  });
});
