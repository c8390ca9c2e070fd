import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { newBucket, RGW_CREDENTIALS, rgwOptions } from '../support/aws/ceph-rgw.ts';
import { runCommand } from '../support/command-line.ts';
import { newestLink } from '../support/console/console-rig.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { type Serving, startServing } from '../support/serving.ts';
import { createShop } from '../support/sources/shop.ts';
import { newFolder } from '../support/temporary.ts';

describeInTurn(0, 3)(['chromium', 'ceph-rgw'], 'console on a repository in a bucket', () => {
  const started = new AsyncDisposableStack();
  let endpoint: string | undefined;
  let postgres: PostgresServer;
  let serving: Serving;
  let page: Page;

  const button = (name: string) => page.getByRole('button', { name, exact: true });
  const inDialog = (name: string) => page.locator('dialog').getByRole('button', { name });
  /** Backs up, and gives its name. */
  const backUp = async (): Promise<string> => {
    await serving.over((await serving.json('POST', '/create', {}, 202)).run);
    return (await serving.json('GET', '/list?limit=1')).backups[0].name;
  };
  const goTo = async (place: string, shows: string) => {
    await page.evaluate(`location.hash = '#/${place}'`);
    await page.getByText(shows).first().waitFor();
  };

  beforeAll(async () => {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-bucket-'));
    started.defer(() => rm(folder, { recursive: true, force: true }));
    const { folder: consoleFolder } = await builtConsole();
    const [server, browser] = await Promise.all([ownPostgres(18), sharedBrowser()]);
    postgres = server;
    started.defer(() => postgres.stop());
    started.defer(() => browser.close());
    vi.stubEnv('AWS_ACCESS_KEY_ID', RGW_CREDENTIALS.accessKeyId);
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', RGW_CREDENTIALS.secretAccessKey);
    started.defer(() => void vi.unstubAllEnvs());
    const place = rgwOptions(await newBucket());
    endpoint = place.endpoint;
    const config = {
      repository: `s3://${place.bucket}/shop`,
      s3: { endpoint, region: place.region, forcePathStyle: true },
      sources: { shop: { kind: 'postgres', url: await createShop(postgres, 'shop') } },
      // Whatever has a record is large here.
      api: { streamMiB: 0 },
    };
    await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config));
    const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
    expect(await runCommand('init', world)).toMatchObject({ status: 0 });
    serving = started.use(await startServing(`--console ${consoleFolder}`, world));
    page = await browser.newPage();
    page.setDefaultTimeout(45_000);
    await page.goto(newestLink(serving));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  }, 120_000);
  afterAll(() => started.disposeAsync());

  it('prepares what is large, and downloads it from the bucket by a link', async () => {
    const name = await backUp();
    await goTo(`backups/${name}`, 'Why it is kept');
    await button('Download').click();
    const waiting = page.waitForEvent('download');
    await inDialog('Download').click();
    const download = await waiting;
    expect([download.suggestedFilename(), new URL(download.url()).origin]).toEqual([`${name}.sql`, endpoint]);
    const file = path.join(await newFolder(), 'downloaded.sql');
    await download.saveAs(file);
    expect(await readFile(file, 'utf8')).toContain('CREATE TABLE public.orders');
  });

  it('says what is suspect of a backup, and accepts it with a reason', async () => {
    await postgres.query('shop', 'truncate visits');
    const name = await backUp();
    await goTo(`backups/${name}`, 'This backup is suspect.');
    await button('Accept').click();
    await page.getByLabel('Reason').fill('visits moved away');
    await inDialog('Accept').click();
    await page.locator('.timeline').getByText('Accepted: visits moved away').waitFor();
    await page.getByText('Suspect, and accepted: visits moved away').waitFor();
    const { marks } = await serving.json('GET', `/backups/${name}`);
    expect(marks.accept).toMatchObject({ reason: 'visits moved away' });
  });
});
