import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { MariadbServer } from '../../tools/mariadb-server.ts';
import { runCommand } from '../support/command-line.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { openTestServer } from '../support/mysql-server.ts';
import { describeInTurn } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** What only one kind of database knows stands in the form, and reaches the server. */
describeInTurn(2, 3)(['chromium', 'mariadb'], 'restoring MariaDB by the console', () => {
  let folder: string;
  let server: MariadbServer;
  let browser: Browser;
  let serving: Serving;
  let context: BrowserContext;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-mysql-'));
    [server, browser] = await Promise.all([openTestServer(), sharedBrowser()]);
    await server.query(
      undefined,
      `CREATE DATABASE shop; CREATE DATABASE shop_copy;
       CREATE USER old_owner@localhost; GRANT ALL ON shop.* TO old_owner@localhost; CREATE USER new_owner@localhost`,
    );
    await server.query(
      'shop',
      `CREATE TABLE orders (id INT PRIMARY KEY); INSERT INTO orders VALUES (1), (2), (3);
       CREATE DEFINER = old_owner@localhost VIEW many AS SELECT COUNT(*) AS n FROM orders`,
    );
    const place = (name: string) => ({ kind: 'mysql', url: server.url(name) });
    const config = {
      repository: './backups',
      sources: { shop: place('shop') },
      targets: { shop_copy: place('shop_copy') },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect((await runCommand('init --quiet', world)).status).toBe(0);
    serving = await startServing(`--console ${(await builtConsole()).folder}`, world);
    await serving.over((await serving.json('POST', '/create', { source: 'shop', type: 'daily' }, 202)).run);
    context = await browser.newContext();
  }, 240_000);
  afterAll(async () => {
    await context?.close();
    await serving?.[Symbol.asyncDispose]();
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('makes the user of the form the definer of what is restored', { timeout: 120_000 }, async () => {
    const complaints: string[] = [];
    const page = await openConsolePage(context, complaints);
    await page.goto(newestLink(serving));
    await page.getByRole('link', { name: 'Restore shop', exact: true }).click();
    await page.getByRole('heading', { name: 'Which moment?' }).waitFor();
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.getByLabel('shop_copy').check();
    await page.getByLabel('Definer').fill('new_owner@localhost');
    await page.getByRole('button', { name: 'Continue', exact: true }).click();
    await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
    await page.getByLabel(/type the name of the target/).fill('shop_copy');
    await page.getByRole('button', { name: 'Restore into shop_copy', exact: true }).click();
    await page.waitForURL(/#\/runs\//);
    await page.locator('.page-head .badge', { hasText: /Succeeded|Failed|Cancelled/ }).waitFor();
    expect(await page.locator('.page-head .badge').textContent()).toBe('Succeeded');
    const definers = `SELECT table_schema AS place, definer FROM information_schema.views WHERE table_name = 'many'`;
    expect(await server.query(undefined, `${definers} ORDER BY table_schema`)).toMatchObject([
      { place: 'shop', definer: 'old_owner@localhost' },
      { place: 'shop_copy', definer: 'new_owner@localhost' },
    ]);
    expect(await server.query('shop_copy', 'SELECT COUNT(*) AS n FROM orders')).toMatchObject([{ n: 3 }]);
    expect(complaints).toEqual([]);
  });
});
