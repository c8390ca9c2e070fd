import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { runCommand } from '../support/command-line.ts';
import { seriousFindings } from '../support/console/axe.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { startReceiver } from '../support/receiver.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { startServing } from '../support/serving.ts';
import { newFolder } from '../support/temporary.ts';

describeInTurn(1, 3)(['chromium'], 'the page of notifications', () => {
  it('shows each channel, sends a test, and says what came back, without a secret', async () => {
    const cwd = await newFolder();
    const receiver = await startReceiver();
    const env = {
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      OPS_URL: `${receiver.url}/hook/secretpart`,
      OPS_KEY: 'a-key-that-is-on-no-page',
    };
    const hook = { kind: 'webhook', url: 'env:OPS_URL', signingKey: 'env:OPS_KEY' };
    const config = {
      repository: './backups',
      sources: { shop: { kind: 'files', url: './shop.txt' } },
      notifications: {
        channels: [
          { name: 'ops', ...hook },
          { name: 'office', ...hook, sources: ['shop'], on: 'all', digest: 'off' },
        ],
      },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    await runCommand('init -q', { cwd, env });
    const { folder: consoleFolder } = await builtConsole();
    const serving = await startServing(`--console ${consoleFolder}`, { cwd, env });
    onTestFinished(() => serving[Symbol.asyncDispose]());
    const browser = await sharedBrowser();
    onTestFinished(() => browser.close());
    const complaints: string[] = [];
    const page = await openConsolePage(await browser.newContext(), complaints);
    await page.goto(newestLink(serving));
    await page.getByRole('link', { name: 'Notifications' }).click();
    await page.getByRole('heading', { name: 'Notifications' }).waitFor();
    const ops = page.getByRole('region', { name: 'ops', exact: true });
    const office = page.getByRole('region', { name: 'office', exact: true });
    expect(await office.textContent()).toMatch(
      /Webhook.*env:OPS_URL.*changes, and each backup.*off.*shop.*none.*none/,
    );

    await ops.getByRole('button', { name: 'Send a test' }).click();
    await ops.getByText('The test was delivered: the receiver answered 200 (ok).').waitFor();
    await ops.getByRole('row', { name: /Test of the channel ops delivered/ }).waitFor();
    expect(JSON.parse(receiver.received[0]!.body)).toMatchObject({ kind: 'test', channel: 'ops' });

    receiver.answers = [{ status: 404, body: `nobody at ${env.OPS_URL}` }];
    await office.getByRole('button', { name: 'Send a test' }).click();
    await office.getByText('the receiver answered 404: nobody at …', { exact: true }).waitFor();
    await office.getByText('Failing').waitFor();
    await office
      .getByRole('row', { name: /Test of the channel office failed the receiver answered 404/ })
      .waitFor();
    expect(await ops.getByText('Failing').count()).toBe(0);

    for (const [colorScheme, width] of [
      ['light', 1440],
      ['dark', 390],
    ] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize({ width, height: 900 });
      expect(await seriousFindings(page), colorScheme).toEqual([]);
      await page.waitForFunction(`document.scrollingElement.scrollWidth <= ${width}`);
    }
    const content = await page.content();
    expect(content).not.toMatch(/secretpart|a-key-that/);
    expect(complaints).toEqual([]);

    // What could not be told is something to mend.
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.getByRole('link', { name: 'Overview' }).click();
    await page.getByText(/The channel office could not be reached/).waitFor();
  });
});
