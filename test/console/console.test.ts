import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { BrowserContext, Page, Request as PageRequest } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { API_BASE } from '../../shared/core/api-names.ts';
import { bytes } from '../../shared/core/human.ts';
import { seriousFindings } from '../support/console/axe.ts';
import { MISSED } from '../support/console/backup-year.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { type ConsoleRig, newestLink, startConsoleRig } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn, hasPart } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { startIssuer } from '../support/repository/issuer.ts';
import { itInFull, itInLong, sample, turns } from '../support/repository/torture.ts';
import { POSTGRES_15_BIN } from '../support/run/part-places.ts';
import type { Serving } from '../support/serving.ts';

const PHONE = { width: 390, height: 844 };
const DESK = { width: 1280, height: 900 };
/** Of what no other test goes on from. */
const itInTurn = turns(3);
/** Nearly all of the year stays. */
const KEPT = { daily: 90, weekly: 350, manual: 400 };
const COUNTS = `select (select count(*) from customers)::int c, (select count(*) from orders)::int o,
  (select sum(count) from order_lines)::int l, (select md5(string_agg(name || price || tags::text, ',' order by id)) from products) p`;

describeInTurn(2, 3)(['chromium'], 'console', () => {
  let rig: ConsoleRig;
  let page: Page;
  let context: BrowserContext;
  /** What the browser complained of: errors of scripts, what the content security policy refused. */
  const complaints: string[] = [];

  const openPage = (of: BrowserContext) => openConsolePage(of, complaints);
  /** A screen by its address, when it shows what it is of. */
  const goTo = async (place: string, shows: string, on = page) => {
    await on.evaluate(`location.hash = '#/${place}'`);
    await on.getByText(shows).first().waitFor();
  };
  const button = (name: string, on = page) => on.getByRole('button', { name, exact: true });
  const paste = async (serving: Serving, on: Page) => {
    await on.getByLabel('Address or token').fill(newestLink(serving));
    await button('Sign in', on).click();
  };
  /** Every letter by itself, and no time between them. */
  const typeAtOnce = (label: string, text: string) =>
    page.getByLabel(label).evaluate((element, all) => {
      const field = element as unknown as { value: string; dispatchEvent(event: Event): boolean };
      for (let i = 1; i <= all.length; i++) {
        field.value = all.slice(0, i);
        field.dispatchEvent(new Event('input', { bubbles: true }));
      }
    }, text);
  /** Waits on the page of a run until it has ended as wanted. */
  const endsWell = async () => {
    await page.waitForURL(/#\/runs\//);
    await page.locator('.page-head .badge', { hasText: /Succeeded|Failed/ }).waitFor();
    expect(await page.locator('.page-head .badge').textContent()).toBe('Succeeded');
  };

  beforeAll(async () => {
    const [browser, postgres, { folder: consoleFolder }] = await Promise.all([
      sharedBrowser(),
      ownPostgres(18),
      builtConsole(),
    ]);
    const parts = { browser, postgres, consoleFolder };
    rig = await startConsoleRig(parts, { dailyDays: 60, retention: KEPT });
    context = await rig.browser.newContext({
      viewport: DESK,
      acceptDownloads: true,
      timezoneId: 'Asia/Tokyo',
    });
    page = await openPage(context);
  }, 240_000);
  afterAll(async () => {
    await context?.close();
    await rig?.[Symbol.asyncDispose]();
  });
  afterEach(() => {
    expect(complaints.splice(0)).toEqual([]);
  });

  it('signs in by the link, takes its token out of the address, and keeps nothing that scripts can read', async () => {
    await page.goto(newestLink(rig.serving));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    expect(page.url()).toBe(`${rig.serving.url}/#/`);
    const stored = await page.evaluate(
      'JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])',
    );
    expect(stored).toBe('[0,0,""]');
    const cookies = await context.cookies(`${rig.serving.url}/session`);
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: 'Strict', path: '/session' }]);
    expect(await context.cookies(`${rig.serving.url}${API_BASE}/list`)).toEqual([]);
  });

  itInTurn(
    'stays signed in over a reload, and is signed out on the server by Sign out, in every tab',
    async () => {
      await using own = await rig.browser.newContext({ viewport: DESK });
      const one = await openPage(own);
      await one.goto(newestLink(rig.serving));
      await one.getByRole('heading', { name: 'Overview' }).waitFor();
      await goTo('runs', 'Runs', one);
      await one.reload();
      await one.getByRole('heading', { name: 'Runs', exact: true }).waitFor();
      expect(one.url()).toBe(`${rig.serving.url}/#/runs`);
      const two = await openPage(own);
      await two.goto(`${rig.serving.url}/#/retention`);
      await two.getByText('would be removed').first().waitFor();
      await button('Sign out', one).click();
      await one.getByText('You are signed out.').waitFor();
      await one.reload();
      await one.getByRole('heading', { name: 'Sign in' }).waitFor();
      await goTo('audit', 'Sign in again', two);
      expect(await own.cookies(`${rig.serving.url}/session`)).toEqual([]);
    },
  );

  itInTurn('takes a new link in an open page: it leaves the address, and the screen stays', async () => {
    await using own = await rig.browser.newContext({ viewport: DESK });
    const one = await openPage(own);
    const used = newestLink(rig.serving);
    await one.goto(used);
    await one.getByRole('heading', { name: 'Overview' }).waitFor();
    await goTo('backups?type=weekly', 'Started', one);
    await one.getByLabel('Search').fill('typed');
    const [before] = await own.cookies(`${rig.serving.url}/session`);
    await one.evaluate(`location.href = ${JSON.stringify(newestLink(rig.serving))}`);
    await expect
      .poll(async () => (await own.cookies(`${rig.serving.url}/session`))[0]?.value, { timeout: 20_000 })
      .not.toBe(before?.value);
    expect(one.url()).toContain(`${rig.serving.url}/#/backups?type=weekly`);
    expect(await one.getByLabel('Search').inputValue()).toBe('typed');
    await one.evaluate(`location.href = ${JSON.stringify(used)}`);
    await one.getByText(/Signing in failed: the link was already used/).waitFor();
    expect(one.url()).not.toContain('token');
    await goTo('runs', 'Runs', one);
    expect(await one.getByRole('dialog').count()).toBe(0);
  });

  it('says whether all is well, and shows what there is', async () => {
    await page.getByText(/^Protected: the newest good backup of shop was made /).waitFor();
    const card = page.getByRole('region', { name: 'shop', exact: true });
    expect(await card.textContent()).toMatch(/Newest good backup\d+ hours? ago.*Restored in [\d.]+ m?s/);
    await page.locator('.heat rect').first().waitFor();
    const days = new Set(rig.keys.map((key) => key.split('/')[2]));
    expect(await page.locator('.heat rect.heat-1, .heat rect.heat-2').count()).toBe(days.size);
    expect(await page.locator('.heat rect.day-missing').count()).toBe(MISSED.size);
    const { storedBytes, logicalBytes } = await rig.serving.json('GET', '/storage');
    const saved = Math.floor((1 - storedBytes / logicalBytes) * 1000) / 10;
    await page.getByText(`${saved.toFixed(1)} % saved`).waitFor();
    expect(await page.locator('.uplot canvas').count()).toBe(1);
  });

  it('tells of each day by keyboard, and leads to its backups', async () => {
    const year = page.getByRole('slider', {
      name: /^Backups of shop by day\. \d+ days with backups, .*3 missing$/,
    });
    const said = () => year.getAttribute('aria-valuetext');
    await year.focus();
    // The last of the missing days is twelve days before yesterday's backup, or so: up to it, day by day.
    for (let i = 0; i < 16 && !(await said())?.includes('no backup was made'); i++)
      await page.keyboard.press('ArrowUp');
    expect(await said()).toMatch(/: no backup was made/);
    await page.keyboard.press('ArrowDown');
    expect(await said()).toMatch(/: \d backups?, .* new/);
    await page.keyboard.press('Home');
    expect(await year.getAttribute('aria-valuenow')).toBe('1');
    await page
      .getByText('5 days of shop need attention')
      .or(page.getByText('4 days of shop need attention'))
      .click();
    expect(await page.getByRole('listitem').filter({ hasText: 'no backup was made' }).count()).toBe(3);
    await page.keyboard.press('Tab');
    await year.focus();
    await page.keyboard.press('End');
    for (let i = 0; i < 3 && !/ new/.test((await said()) ?? ''); i++) await page.keyboard.press('ArrowUp');
    await page.keyboard.press('Enter');
    await page.waitForURL(/#\/backups\?from=/);
    await page.locator('.list-row').first().waitFor();
    await goTo('', 'saved');
  });

  itInTurn('shows how the newest good backup is locked, and how far second places are behind', async () => {
    const other = await openPage(context);
    const [newest] = (await rig.serving.json('GET', '/status')).sources;
    const lock = { source: 'shop', backup: newest.newestGood.key, until: '2030-01-02T03:04:05.000Z' };
    const asked = { mode: 'compliance', objects: 900, asked: 152, problem: null };
    const near = {
      name: 'near',
      to: 's3://near',
      wanted: 60,
      missing: 0,
      oldestMissing: null,
      missingSegments: 0,
      oldestSegmentAt: null,
      problem: null,
    };
    const { key, name, startedAt } = newest.newestGood;
    const late = { ...near, name: 'late', missingSegments: 90, oldestSegmentAt: startedAt };
    const far = { ...near, name: 'far', missing: 2, oldestMissing: { key, name, startedAt } };
    await other.route('**/status', async (route) => {
      const answer = await route.fetch();
      const changes = {
        locked: [{ ...lock, ...asked }],
        copies: [near, far, { ...near, name: 'odd', problem: 'access denied' }, late],
      };
      await route.fulfill({ response: answer, json: { ...(await answer.json()), ...changes } });
    });
    await other.goto(newestLink(rig.serving));
    const card = other.getByRole('region', { name: 'shop', exact: true });
    const locked = card.getByText('Nobody can remove it before Jan 2, 2030');
    await locked.waitFor();
    expect(await locked.getAttribute('title')).toMatch(/^A random sample of 152 of 900 objects was checked/);
    const places = other.getByRole('region', { name: 'Second places' });
    expect(await places.getByRole('row', { name: /^near/ }).textContent()).toContain('has all 60 backups');
    expect(await places.getByRole('row', { name: /^far/ }).textContent()).toContain(
      '2 of 60 backups missing',
    );
    expect(await places.getByRole('row', { name: /^late/ }).textContent()).toContain(
      'has all 60 backups 90 change segments missing',
    );
    expect(await places.getByRole('row', { name: /^odd/ }).textContent()).toContain(
      'not known access denied',
    );
    expect(await seriousFindings(other)).toEqual([]);
    await other.close();
  });

  it('gives times in the zone of the browser, and in UTC under the pointer', async () => {
    // The newest of the year is a daily one, made at 02:00, or on a Sunday the weekly one of 02:30.
    const minutes = /_02(00|30)00\.json$/.exec(rig.keys.at(-1) ?? '')?.[1];
    const shown = page.getByRole('region', { name: 'shop', exact: true }).locator('time').nth(1);
    expect(await shown.textContent()).toContain(`11:${minutes} AM`);
    expect(await shown.getAttribute('title')).toContain(` 02:${minutes}:00 UTC`);
  });

  it('backs up, and shows the run to its end', async () => {
    await button('Back up now').click();
    await page.getByLabel('Note').fill('by the console');
    await button('Back up').click();
    await endsWell();
    await page.getByRole('link', { name: 'Open backup' }).click();
    await page.getByText('by the console').waitFor();
    const [newest] = (await rig.serving.json('GET', '/list?limit=1')).backups;
    expect(newest).toMatchObject({ type: 'manual', note: 'by the console', records: 2283 });
    await page.getByRole('heading', { name: /^shop · / }).waitFor();
    await page.getByText(newest.name, { exact: true }).waitFor();
    expect(await page.getByRole('row', { name: /public\.order_lines/ }).textContent()).toContain('800');
  });

  it('holds and releases a backup, with a reason', async () => {
    await button('Hold').click();
    expect(await page.locator('dialog .button.primary').getAttribute('aria-disabled')).toBe('true');
    await page.getByLabel('Reason').fill('until the audit is over');
    await page.locator('dialog').getByRole('button', { name: 'Hold' }).click();
    await page.locator('.timeline').getByText('Held: until the audit is over').waitFor();
    await button('Release').click();
    await page.getByLabel('Reason').fill('it is over');
    await page.locator('dialog').getByRole('button', { name: 'Release' }).click();
    await page.locator('.timeline').getByText('Released: it is over').waitFor();
  });

  it('verifies a backup', async () => {
    await button('Verify').click();
    await page.locator('dialog').getByRole('button', { name: 'Verify' }).click();
    await endsWell();
    await page.goBack();
    await page.locator('.timeline').getByText('Verified (full): whole').waitFor();
  });

  it('drills a backup: restored into a database of its own, and equal', async () => {
    await button('Drill').click();
    await page.locator('dialog').getByRole('button', { name: 'Drill' }).click();
    await endsWell();
    await page.goBack();
    await page
      .locator('.timeline')
      .getByText(/Drilled: restored in .+, equal to the backup/)
      .waitFor();
    const { rows } = await rig.postgres.query('postgres', 'select datname from pg_database');
    expect(rows.map(({ datname }) => datname).filter((name) => /drill/.test(name))).toEqual([]);
  });

  it('downloads SQL that psql opens', async () => {
    await button('Download').click();
    const waiting = page.waitForEvent('download');
    await page.locator('dialog').getByRole('button', { name: 'Download' }).click();
    const download = await waiting;
    expect(download.suggestedFilename()).toMatch(/^backup_manual_\d+_\d+\.sql$/);
    const file = path.join(rig.folder, 'download.sql');
    await download.saveAs(file);
    expect(await readFile(file, 'utf8')).toContain('CREATE TABLE public.orders');
    if (!hasPart('postgresql-15')) return;
    const url = await rig.postgres.createDatabase('opened');
    await promisify(execFile)(path.join(POSTGRES_15_BIN, 'psql'), [
      '-qv',
      'ON_ERROR_STOP=1',
      '-f',
      file,
      url,
    ]);
    const [opened, shop] = [
      await rig.postgres.query('opened', COUNTS),
      await rig.postgres.query('shop', COUNTS),
    ];
    expect(opened.rows).toEqual(shop.rows);
  });

  itInTurn('keeps the place when the sign-in has ended', async () => {
    await goTo('restore', 'Which moment?');
    await button('Continue').click();
    await page.getByLabel('shop_copy').check();
    await context.route('**/api/admin/backup/**', (route) =>
      route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer ended' } }),
    );
    await button('Continue').click();
    await page.getByRole('dialog', { name: 'Sign in again' }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await context.unroute('**/api/admin/backup/**');
    await paste(rig.serving, page);
    await page.getByText('Nothing is in the way at the target.').waitFor();
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('finds a backup by search, state, source, type and day', async () => {
    await goTo('backups', 'Started');
    await page.getByText(/loaded; the rest loads as you scroll|\d+ backups/).waitFor();
    await page.getByLabel('Search').fill('by the console');
    await page.getByText(/^1 of \d+ backups$/).waitFor();
    await page.getByLabel('Search').fill('');
    await page.getByLabel('State').selectOption('held');
    await page.getByText(/^1 of \d+ backups$/).waitFor();
    expect(page.url()).toContain('state=held');
    await page.getByLabel('State').selectOption('');
    await page.getByLabel('Type').selectOption('weekly');
    await page.locator('.list-row').first().waitFor();
    expect(await page.locator('.list-row', { hasText: 'daily' }).count()).toBe(0);
    await goTo('backups?from=2099-01-01', 'No backups');
  });

  itInTurn('searches with one request, says that nothing fits, and shows all again', async () => {
    await goTo('backups', 'Started');
    await page.locator('.list-row').first().waitFor();
    const asked: (string | null)[] = [];
    const listen = (request: PageRequest) => {
      const { pathname, searchParams } = new URL(request.url());
      if (pathname.endsWith('/list')) asked.push(searchParams.get('q'));
    };
    page.on('request', listen);
    await typeAtOnce('Search', 'no such backup');
    await page.getByText('No backup matches').waitFor();
    expect(asked).toEqual(['no such backup']);
    page.off('request', listen);
    await button('Clear filters').click();
    await page.locator('.list-row').first().waitFor();
  });

  it.each(sample(['backups', 'backups?q=daily'], 1))(
    'keeps the place in a list when one comes back to it: %s',
    async (list) => {
      await goTo('', 'Newest good backup');
      const answered = page.waitForResponse((response) => response.url().includes('/list?'));
      await goTo(list, 'Started');
      await answered;
      await page.locator('.list-row').first().waitFor();
      const host = page.getByRole('region', { name: 'Backups, newest first' });
      const top = () => host.evaluate((element) => (element as unknown as { scrollTop: number }).scrollTop);
      await host.evaluate((element) => {
        (element as unknown as { scrollTop: number }).scrollTop = 700;
      });
      const row = page.locator('.list-row[aria-posinset="17"] a.open');
      const opened = await row.getAttribute('href');
      await row.click();
      await page.waitForURL(`**/${opened}`);
      await page.getByRole('heading', { level: 1 }).first().waitFor();
      await page.goBack();
      await page.locator('.list-row').first().waitFor();
      await page.locator(`.list-row a.open[href="${opened}"]`).waitFor();
      expect(await top()).toBe(700);
    },
  );

  it('shows what retention would do, and who did what', async () => {
    await goTo('retention', 'would be removed');
    const first = page.getByRole('region', { name: 'What goes' });
    await first.getByText('older than 350 days').first().waitFor();
    const { bytes: room } = await rig.serving.json('GET', '/retention');
    const bar = await page.getByRole('img', { name: /^Of .* stored/ }).getAttribute('aria-label');
    expect(bar).toContain(`Freed by a later prune: ${bytes(room.later)}`);
    expect(await page.getByRole('region').evaluateAll((all) => all.map((one) => one.ariaLabel))).toEqual([
      expect.stringMatching(/would be removed$/),
      'What goes',
      'Rules',
      'What stays',
    ]);
    await goTo('audit', 'until the audit is over');
    await page.getByLabel('What').selectOption('download');
    await page
      .getByText(/^Download/)
      .nth(1)
      .waitFor();
  });

  it('filters the audit on the server by a link that can be shared, and exports what the filters let pass', async () => {
    const asked: string[] = [];
    const listen = (request: PageRequest) => {
      if (request.url().includes('/audit?')) asked.push(new URL(request.url()).search);
    };
    await goTo('audit', 'until the audit is over');
    page.on('request', listen);
    await typeAtOnce('Who', 'no such person');
    await page.getByText('No entry matches these filters').waitFor();
    expect(asked).toEqual(['?by=no+such+person']);
    expect(page.url()).toContain('#/audit?by=no+such+person');
    page.off('request', listen);
    await button('Clear filters').click();
    await page.getByText('until the audit is over').first().waitFor();
    expect(await page.getByLabel('Who').inputValue()).toBe('');
    await goTo('audit?action=hold&outcome=&source=shop', 'until the audit is over');
    expect(await page.getByLabel('What').inputValue()).toBe('hold');
    await button('Export').click();
    const waiting = page.waitForEvent('download');
    await page.locator('dialog').getByRole('button', { name: 'Export entries' }).click();
    const file = path.join(rig.folder, 'audit.csv');
    await (await waiting).saveAs(file);
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\r\n');
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.slice(1).every((line) => line.includes('"hold"') && line.includes('"shop"'))).toBe(true);
  });

  itInLong('stays quick with 5,000 backups', async () => {
    const [sample] = (await rig.serving.json('GET', '/list?limit=1')).backups;
    const at = (i: number) => new Date(Date.UTC(2026, 9, 1) - i * 7_200_000).toISOString();
    const all = Array.from({ length: 5000 }, (_, i) => ({
      ...sample,
      key: `k${i}`,
      name: `n${i}`,
      startedAt: at(i),
    }));
    await page.route('**/list?*', (route) => {
      const q = new URL(route.request().url()).searchParams.get('q') ?? '';
      return route.fulfill({
        json: { backups: all.filter(({ name }) => name.includes(q)), nextCursor: null },
      });
    });
    await goTo('backups?type=manual', 'Started');
    await page.locator('.list-row').first().waitFor();
    await page.getByLabel('Search').fill('n');
    await page.getByText(/5,000 of 5,000 backups|^5,000 backups$/).waitFor();
    const frames = (await page.evaluate(`(async () => {
      const list = document.querySelector('.list');
      const took = [];
      for (let i = 1; i <= 40; i++) {
        const began = performance.now();
        list.scrollTop = (list.scrollHeight / 41) * i;
        await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
        took.push(performance.now() - began);
      }
      return took.sort((a, b) => a - b);
    })()`)) as number[];
    // The middle one: others may stand for what else the machine does.
    expect(frames[20]).toBeLessThan(400);
    expect(await page.locator('.list-row').count()).toBeLessThan(60);
    await page.getByLabel('Search').fill('n4999');
    await page.getByText(/^1 (of [\d,]+ )?backups?$/).waitFor();
    await page.unroute('**/list?*');
  });

  itInTurn('is usable by keyboard', async () => {
    await goTo('runs', 'Succeeded');
    const focused = () => page.evaluate('document.activeElement.textContent.trim()');
    await page.locator('h1').focus();
    await page.locator('.skip').focus();
    await page.keyboard.press('Enter');
    expect(await page.evaluate('document.activeElement.id')).toBe('main');
    await page.keyboard.press('Tab');
    expect(await focused()).toBe('Back up now');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Back up now' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await focused()).toBe('Back up now');
  });

  itInFull(
    'leaves axe nothing serious to find, light at a desk and dark on a phone, which nothing overflows',
    async () => {
      const [run] = (await rig.serving.json('GET', '/runs')).runs;
      const [backup] = (await rig.serving.json('GET', '/list?limit=1')).backups;
      const screens = [
        ['', 'saved'],
        ['backups', 'Started'],
        [`backups/${backup.name}`, 'Why it is kept'],
        [`restore/${backup.name}`, 'Where to?'],
        ['configuration', 'Restore targets'],
        ['runs', 'Succeeded'],
        [`runs/${run.id}`, 'Log'],
        ['retention', 'would be removed'],
        ['notifications', 'No channel is configured'],
        ['audit', 'until the audit is over'],
      ] as const;
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        for (const [place, shows] of screens) {
          await page.setViewportSize(DESK);
          await goTo(place, shows);
          // Colours are the same at every width, and parts the same in every colour.
          await page.setViewportSize(colorScheme === 'light' ? DESK : PHONE);
          expect(await seriousFindings(page), `${place} ${colorScheme}`).toEqual([]);
          await page.setViewportSize(PHONE);
          // What is drawn follows the width a frame later.
          const width = () => page.evaluate('document.scrollingElement.scrollWidth');
          await expect.poll(width, { timeout: 5000 }).toBeLessThanOrEqual(PHONE.width);
        }
      }
      await page.setViewportSize(DESK);
      await page.emulateMedia({ colorScheme: 'light' });
    },
  );

  itInTurn('says why a reader may not, that the API is down, and goes on when it is back', async () => {
    const port = 20_000 + (process.pid % 10_000) + 17;
    let serving = await rig.serve(`--role viewer --port ${port}`);
    const other = await openPage(context);
    await other.goto(newestLink(serving));
    const backUp = button('Back up now', other);
    await other.getByText('Protected:', { exact: false }).waitFor();
    expect(await backUp.getAttribute('aria-disabled')).toBe('true');
    expect(await backUp.getAttribute('title')).toBe('This needs the role operator; you have viewer.');
    await backUp.click({ force: true });
    expect(await other.getByRole('dialog').count()).toBe(0);
    await goTo('restore', 'This needs the role restorer; you have viewer.', other);
    expect(await seriousFindings(other)).toEqual([]);
    await goTo('', 'saved', other);

    await serving[Symbol.asyncDispose]();
    await goTo('runs', 'The API does not respond.', other);
    expect(await seriousFindings(other)).toEqual([]);
    await goTo('', 'saved', other);
    await other.getByText(/You see data from/).waitFor();

    serving = await rig.serve(`--role viewer --port ${port}`);
    const again = other.getByRole('dialog', { name: 'Sign in again' });
    // The page asks by itself too, and may have been first.
    await Promise.race([button('Try now', other).click(), again.waitFor()]);
    await again.waitFor();
    await paste(serving, other);
    // What an earlier server did is in the repository.
    await goTo('runs', 'Succeeded', other);
    expect(await other.getByText('The API does not respond.').count()).toBe(0);
    await other.close();
    await serving[Symbol.asyncDispose]();
  });

  itInTurn('signs in at an OIDC issuer, in a window of its own, and shows what the API refuses', async () => {
    await using issuer = await startIssuer(rig.consoleFolder);
    const other = await openPage(context);
    await other.goto(`${issuer.url}/#/audit`);
    const waiting = other.waitForEvent('popup');
    await button('Sign in', other).click();
    const popup = await waiting;
    await other.getByText('you have no role here').first().waitFor();
    expect(new Set(issuer.authorizations)).toEqual(new Set(['Bearer of-the-issuer']));
    expect(other.url()).toBe(`${issuer.url}/#/audit`);
    expect(popup.isClosed()).toBe(true);
    await other.close();
  });
});
