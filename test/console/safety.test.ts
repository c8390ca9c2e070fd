import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeWithParts } from '../support/parts.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { AGE_DAYS, makeStaleScene } from '../support/stores/stale-scene.ts';

describeWithParts(['chromium'], 'console with an old backup, and sources without any', () => {
  const started = new AsyncDisposableStack();
  const complaints: string[] = [];
  let serving: Serving;
  let page: Page;

  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-safety-'));
    started.defer(() => rm(folder, { recursive: true, force: true }));
    const { folder: consoleFolder } = await builtConsole();
    const [world, browser] = await Promise.all([makeStaleScene(folder), sharedBrowser()]);
    started.defer(() => browser.close());
    serving = started.use(await startServing(`--console ${consoleFolder}`, world));
    page = await openConsolePage(await browser.newContext(), complaints);
    await page.goto(newestLink(serving));
  });
  afterAll(() => started.disposeAsync());

  it('is not green, and names the sources, the age and the failed run', async () => {
    const verdict = page.getByRole('region', { name: 'Am I safe?' });
    const heading = verdict.getByRole('heading');
    await heading.waitFor();
    expect(await heading.textContent()).toMatch(
      new RegExp(`^Unprotected: game and crm were never backed up; .*shop is ${AGE_DAYS} days old`),
    );
    expect(await verdict.textContent()).toMatch(/the last backup of shop failed/);
    expect(await verdict.getAttribute('class')).toContain('tone-bad');
    for (const name of ['shop', 'game', 'crm']) {
      const card = page.getByRole('region', { name, exact: true });
      expect(await card.textContent()).toContain('Unprotected');
    }
    expect(await page.getByRole('region', { name: 'shop', exact: true }).textContent()).toContain(
      'Last run failed',
    );
  });

  it('has a button for what can be done, and shows the run that failed', async () => {
    await page.getByRole('button', { name: 'Back up game' }).click();
    await page.getByRole('heading', { name: 'Backup of game' }).waitFor();
    await page.getByText('Failed', { exact: true }).first().waitFor();
    const first = page.url();
    await page.getByRole('button', { name: 'Run again' }).click();
    await page.waitForURL((url) => url.href !== first);
    await page.getByText('Failed', { exact: true }).first().waitFor();
    expect(page.url()).toContain('#/runs/');
    await page.evaluate(`location.hash = '#/runs'`);
    await page.getByRole('heading', { name: 'Runs' }).waitFor();
    await page.getByText('Failed', { exact: true }).nth(1).waitFor();
    expect(complaints).toEqual([]);
  });
});
