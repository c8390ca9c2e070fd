import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { API_BASE } from '../../shared/core/api-names.ts';
import { runCommand } from '../support/command-line.ts';
import { seriousFindings } from '../support/console/axe.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { type Serving, startServing } from '../support/serving.ts';

describeInTurn(1, 3)(['chromium'], 'API keys in the console', () => {
  const started = new AsyncDisposableStack();
  const complaints: string[] = [];
  let browser: Browser;
  let serving: Serving;
  let onlyViewer: Serving;
  let page: Page;

  beforeAll(async () => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-keys-'));
    started.defer(() => rm(cwd, { recursive: true, force: true }));
    const { folder: consoleFolder } = await builtConsole();
    const env = { HOLDFAST_REPOSITORY: path.join(cwd, 'backups'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    const place = { kind: 'files', url: 'data.txt' };
    await writeFile(path.join(cwd, 'data.txt'), 'one\n');
    const config = { sources: { shop: place, billing: place } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    expect((await runCommand('init', { env, cwd })).status).toBe(0);
    browser = await sharedBrowser();
    started.defer(() => browser.close());
    serving = started.use(await startServing(`--console ${consoleFolder}`, { env, cwd }));
    onlyViewer = started.use(await startServing(`--console ${consoleFolder} --role viewer`, { env, cwd }));
    const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    page = await openConsolePage(context, complaints);
    await page.goto(newestLink(serving));
  });
  afterAll(() => started.disposeAsync());

  const asked = async (token: string, where: string) => {
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch(`${serving.url}${API_BASE}${where}`, { headers });
    return { status: answer.status, json: (await answer.json()) as Record<string, never> };
  };
  const looksGood = async () => {
    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      expect(await seriousFindings(page)).toEqual([]);
      // What is drawn follows the width a frame later.
      const fits = `document.scrollingElement.scrollWidth <= ${width}`;
      await page.waitForFunction(fits, undefined, { timeout: 5000 }).catch(async () => {
        expect(await page.evaluate('document.scrollingElement.scrollWidth')).toBeLessThanOrEqual(width);
      });
    }
    await page.setViewportSize({ width: 1440, height: 900 });
  };

  it('are made, shown once, copied, listed and revoked', async () => {
    await page.getByRole('link', { name: 'Configuration' }).click();
    await page.getByRole('link', { name: 'Show API keys' }).click();
    await page.getByRole('heading', { name: 'No API keys yet' }).waitFor();
    await looksGood();
    await page.getByRole('button', { name: 'Make an API key' }).click();
    const dialog = page.getByRole('dialog', { name: 'Make an API key' });
    const submit = dialog.getByRole('button', { name: 'Make key' });
    expect(await submit.getAttribute('title')).toBe('Give a name first.');
    await dialog.getByLabel('Name').fill('ci');
    expect(await submit.getAttribute('title')).toBe('Choose a role first.');
    await dialog.getByRole('checkbox', { name: /^operator/ }).check();
    await dialog.getByText('None chosen: the key is for all sources.').waitFor();
    await dialog.getByRole('checkbox', { name: 'shop' }).check();
    await dialog.getByLabel('Expires').selectOption('30 days');
    await looksGood();
    await submit.click();
    const fresh = page.getByRole('region', { name: 'The API key ci' });
    const token = (await fresh.locator('code').textContent()) ?? '';
    expect(token).toMatch(/^hf_[0-9a-f]{8}_[0-9a-f]{72}$/);
    await fresh.getByRole('button', { name: 'Copy key' }).click();
    await page.getByText('Copied.').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe(token);
    const id = token.slice(3, 11);
    expect(await asked(token, '/status')).toMatchObject({
      status: 200,
      json: { caller: { name: `API key ci (${id})`, roles: ['operator'], sources: ['shop'] } },
    });
    await looksGood();
    await fresh.getByRole('button', { name: 'I have stored it' }).click();
    await fresh.waitFor({ state: 'detached' });
    expect(await page.content()).not.toContain(token.slice(12));
    const row = page.getByRole('row', { name: new RegExp(id) });
    for (const text of ['ci', 'Active', 'operator', 'shop']) expect(await row.textContent()).toContain(text);
    await looksGood();
    await row.getByRole('button', { name: 'Revoke ci' }).click();
    const sure = page.getByRole('dialog', { name: 'Revoke ci' });
    await sure.getByRole('button', { name: 'Cancel' }).click();
    expect((await asked(token, '/status')).status).toBe(200);
    await row.getByRole('button', { name: 'Revoke ci' }).click();
    await sure.getByRole('button', { name: 'Revoke', exact: true }).click();
    await row.getByText('Revoked').waitFor();
    expect(await row.getByRole('button').count()).toBe(0);
    expect((await asked(token, '/status')).status).toBe(401);
    expect(complaints).toEqual([]);
  });

  it('are for admins: others are told so', async () => {
    const other = await openConsolePage(await browser.newContext(), complaints);
    await other.goto(newestLink(onlyViewer));
    await other.getByRole('heading', { name: 'Overview' }).waitFor();
    await other.evaluate(`location.hash = '#/api-keys'`);
    await other.getByText('This needs the role admin; you have viewer.').waitFor();
    expect(complaints).toEqual([]);
  });
});
