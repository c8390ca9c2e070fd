import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runCommand } from '../support/command-line.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { type Serving, startServing } from '../support/serving.ts';

/** The clock of the database as somebody in India reads it, to the second. */
const SECOND = `SELECT to_char(clock_timestamp() AT TIME ZONE 'Asia/Kolkata', 'YYYY-MM-DD HH24:MI:SS') AS now`;

/** Somebody whose rows were deleted by accident goes back to the second before. */
describeInTurn(1, 3)(['chromium'], 'restoring a moment by the console', () => {
  let folder: string;
  let server: PostgresServer;
  let browser: Browser;
  let serving: Serving;
  let context: BrowserContext;
  let before: string;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-moments-'));
    const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
    [server, browser] = await Promise.all([ownPostgres(18, { settings }), sharedBrowser()]);
    const url = await server.createDatabase('shop');
    const sql = (text: string) => server.query('shop', text);
    await sql('CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (1)');
    const config = {
      repository: './backups',
      sources: { shop: { kind: 'postgres', url, continuous: {} } },
      drill: { postgres: { url: server.url() } },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    const holdfast = async (line: string) => expect((await runCommand(line, world)).status, line).toBe(0);
    await holdfast('init --quiet');
    await holdfast('pitr setup --yes --quiet');
    await holdfast('pitr run --once --quiet');
    await sql('INSERT INTO orders VALUES (2), (3)');
    await sql('SELECT pg_sleep(1)');
    before = String((await sql(SECOND)).rows[0]?.['now']);
    await sql('SELECT pg_sleep(1)');
    await sql('DELETE FROM orders');
    await holdfast('pitr run --once --quiet');
    serving = await startServing(`--console ${(await builtConsole()).folder}`, world);
    context = await browser.newContext({ timezoneId: 'Asia/Kolkata', locale: 'en-GB' });
  }, 240_000);
  afterAll(async () => {
    await context?.close();
    await serving?.[Symbol.asyncDispose]();
    await browser?.close();
    await server?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  it('takes a date and a time, refuses what cannot be reached, and restores', {
    timeout: 120_000,
  }, async () => {
    const complaints: string[] = [];
    const page = await openConsolePage(context, complaints);
    const button = (name: string | RegExp) => page.getByRole('button', { name });
    await page.goto(newestLink(serving));
    await page.getByRole('link', { name: /behind$/ }).click();
    await page.getByText('Stored changes follow each other without a gap.').waitFor();
    await page.getByRole('link', { name: 'Restore a moment' }).click();
    await page.getByLabel('To a moment').check();
    await page
      .getByText('Your time zone: Asia/Calcutta, UTC+05:30')
      .or(page.getByText('Your time zone: Asia/Kolkata, UTC+05:30'))
      .waitFor();
    expect(await button('Continue').getAttribute('aria-disabled')).toBe('true');

    await page.getByLabel('Date').fill('2020-02-29');
    await page.getByLabel('Time').fill('10:15:30');
    await page.getByText('There is no backup that old to apply changes to.').waitFor();
    await button(/Take the earliest moment/).click();
    await page.getByText(/This moment can be restored: from backup_daily_/).waitFor();

    const [date = '', time = ''] = before.split(' ');
    await page.getByLabel('Date').fill(date);
    await page.getByLabel('Time').fill(time);
    await page.getByText(/This moment can be restored: from backup_daily_/).waitFor();
    await button('Continue').click();
    const name = await page.getByLabel('Name of the new database').inputValue();
    await button('Continue').click();
    await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
    await page.getByText(/\d transactions? in \d segments?, /).waitFor();
    await page.getByLabel(/type the name of the target/).fill(name);
    await button(`Restore into ${name}`).click();
    await page.waitForURL(/#\/runs\//);
    await page.locator('.page-head .badge', { hasText: /Succeeded|Failed|Cancelled/ }).waitFor();
    expect(await page.locator('.page-head .badge').textContent()).toBe('Succeeded');
    await page.getByText('then its changes were applied up to the moment').waitFor();
    expect((await server.query(name, 'SELECT id FROM orders ORDER BY id')).rows).toEqual([
      { id: 1 },
      { id: 2 },
      { id: 3 },
    ]);
    expect((await server.query('shop', 'SELECT id FROM orders')).rows).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
