import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { newestLink, startConsoleRig } from '../test/support/console/console-rig.ts';
import { CHROMIUM } from '../test/support/run/part-places.ts';
import { buildConsole } from './build-console.ts';
import { startPostgres } from './embedded-postgres.ts';

/** The pictures of README.md and docs/guide, of the console on a database of its own with a year of backups. */
const FOLDER = 'docs/images';
const DESK = { width: 1280, height: 1340 };
const DAILY_DAYS = 366;
const VISITS = 30_000;
const KEPT = { daily: 60, weekly: 350, manual: 400 };

await mkdir(FOLDER, { recursive: true });
const consoleFolder = await mkdtemp(path.join(tmpdir(), 'holdfast-screenshots-'));
await buildConsole(consoleFolder);
const parts = {
  consoleFolder,
  postgres: await startPostgres(),
  browser: await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }),
};
await using rig = await startConsoleRig(parts, {
  dailyDays: DAILY_DAYS,
  visits: VISITS,
  retention: KEPT,
  isPruned: true,
});
const page = await rig.browser.newPage({ viewport: DESK, timezoneId: 'Europe/Berlin', locale: 'en-GB' });
await page.goto(newestLink(rig.serving));
await page.getByText(' saved').first().waitFor();
// The folder of this run means nothing to the reader.
await page.evaluate("document.querySelector('.page-head p').firstChild.data = '/srv/backups'");
await shoot(page, 'overview-light');
await page.emulateMedia({ colorScheme: 'dark' });
await shoot(page, 'overview-dark');
await page.emulateMedia({ colorScheme: 'light' });

await page.setViewportSize({ ...DESK, height: 800 });
await page.evaluate("location.hash = '#/backups'");
await page.locator('.list-row').first().waitFor();
await shoot(page, 'backups');

await page.evaluate("location.hash = '#/restore'");
await page.getByText('Newest good backup').waitFor();
await page.getByRole('button', { name: 'Continue' }).click();
await page.getByLabel('shop_copy').check();
await page.getByRole('button', { name: 'Continue' }).click();
await page.getByText('Nothing is in the way at the target.').waitFor();
await shoot(page, 'restore');

// A bad afternoon: a customer is gone, with all their orders.
await rig.postgres.query(
  'shop',
  `delete from order_lines where order_id in (select id from orders where customer = 42);
   delete from orders where customer = 42;
   delete from customers where id = 42;
   update customers set name = 'Kundin Ö7, née Ö6' where id = 7`,
);
await page.evaluate("location.hash = '#/'");
await page.getByRole('link', { name: 'Restore shop' }).click();
await page.getByRole('button', { name: 'Continue' }).click();
await page.getByRole('link', { name: 'See what changed since' }).click();
await page.getByRole('button', { name: 'Show rows of public.orders', exact: true }).click();
await page.getByRole('checkbox', { name: 'Pick all rows that are shown' }).check();
await page.getByRole('button', { name: 'Show rows of public.order_lines' }).click();
await page.getByRole('checkbox', { name: 'Pick all rows that are shown' }).check();
await page.getByRole('button', { name: 'Show rows of public.customers' }).click();
await page.getByRole('checkbox', { name: 'Pick the row with id 42', exact: true }).check();
await shoot(page, 'compare');
await page.getByRole('button', { name: /^Put back/ }).click();
await page.getByRole('button', { name: 'Continue' }).click();
await page.getByRole('heading', { name: 'Is this right?' }).waitFor();
await shoot(page, 'put-back');

async function shoot(of: Page, name: string): Promise<void> {
  // Until the pointer and what moves have come to rest.
  await of.mouse.move(0, 0);
  await of.waitForTimeout(300);
  const place = `${FOLDER}/${name}.png`;
  await of.screenshot({ path: place, animations: 'disabled' });
  console.log(place);
}
