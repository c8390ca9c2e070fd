import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { SCREENS, type ScreenId } from '../../console/screen-paths.ts';
import { MemoryStore } from '../../shared/store/memory-store.ts';
import { adminApi, localBackend, sessionWith } from '../support/api.ts';
import { apiKeysWorld } from '../support/api-keys.ts';
import { allFindings } from '../support/console/axe.ts';
import { answerConsole, CONSOLE_URL, type ConsoleAnswers } from '../support/console/console-in-process.ts';
import { openConsolePage } from '../support/console/console-page.ts';
import { builtConsole, sharedBrowser } from '../support/console/shared-console.ts';
import { describeInTurn } from '../support/parts.ts';
import { pollOf } from '../support/repository/change-chains.ts';
import { initRepository, openRepository } from '../support/repository/engine.ts';
import { isFull, isTorture, sample, sampleInFull } from '../support/repository/torture.ts';
import { ChangeLog } from '../support/sources/change-log.ts';

const DESK = { width: 1440, height: 900 };
const PHONE = { width: 390, height: 844 };
/** Colours are the same at every width, and parts the same in every colour; where all is there, both are tried with both. */
const TWO = [
  ['light', DESK],
  ['dark', PHONE],
] as const;
const FOUR = [...TWO, ['dark', DESK], ['light', PHONE]] as const;
/** Of screens with little on them. */
const SOME = isTorture ? TWO : [TWO[1]];

interface Row {
  /** What `{name}` stands for. */
  readonly of?: 'backup' | 'run' | 'drill' | 'source';
  /** What is seen when all is there. */
  readonly shows: string;
  /** The same where the repository is empty. */
  readonly empty: string;
  /** It asks the API for nothing, so that nothing fails. */
  readonly isStill?: true;
  /** Buttons, each of which opens a dialog. */
  readonly dialogs?: readonly string[];
  /** Buttons of a wizard, one after the other, and what each leads to. */
  readonly steps?: readonly (readonly [button: string, shows: string])[];
}

/** Every screen; one without a row does not compile. */
const ROWS: Readonly<Record<ScreenId, Row>> = {
  overview: { shows: 'Newest good backup', empty: 'Unprotected' },
  backups: { shows: 'Started', empty: 'No source is configured', dialogs: ['Back up now'] },
  backup: {
    of: 'backup',
    shows: 'Why it is kept',
    empty: 'there is no backup',
    dialogs: ['Verify', 'Drill', 'Release', 'Download'],
  },
  rows: { of: 'backup', shows: 'a record of shop', empty: 'there is no backup' },
  compare: { of: 'backup', shows: 'Nothing differs', empty: 'there is no backup' },
  history: { shows: 'No row is chosen', empty: 'No row is chosen', isStill: true },
  changes: { of: 'source', shows: 'Recovery point', empty: 'there is no source' },
  restore: { shows: 'Which database?', empty: 'There is nothing to restore yet' },
  restoreOf: {
    of: 'backup',
    shows: 'Where to?',
    empty: 'there is no backup',
    steps: [['Continue', 'Confirm']],
  },
  runs: { shows: 'Succeeded', empty: 'No runs yet', dialogs: ['Back up now'] },
  run: { of: 'run', shows: 'Log', empty: 'E_UNKNOWN_RUN' },
  drills: { shows: 'Restored and equal', empty: 'No drills yet' },
  drill: { of: 'drill', shows: 'Proof', empty: 'there is no drill report' },
  retention: { shows: 'What stays', empty: 'No backups yet' },
  audit: { shows: 'of shop', empty: 'Nothing is recorded yet', dialogs: ['Export'] },
  notifications: { shows: 'No channel is configured', empty: 'No channel is configured' },
  apiKeys: {
    shows: 'of the tests',
    empty: 'No API keys yet',
    dialogs: ['Make an API key', 'Revoke of the tests'],
  },
  configuration: { shows: 'Restore targets', empty: 'No target is configured' },
  more: { shows: 'Notifications', empty: 'Notifications', isStill: true },
};
const ROW_LIST = (Object.entries(ROWS) as [ScreenId, Row][]).map(([id, row]) => ({ id, ...row }));

describeInTurn(0, 3)(['chromium'], 'axe on every screen', () => {
  let folder: string;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let answers: ConsoleAnswers;
  let full: Pick<ConsoleAnswers, 'api' | 'token'>;
  let empty: Pick<ConsoleAnswers, 'api' | 'token'>;
  let names: Readonly<Record<'backup' | 'run' | 'drill' | 'source', string>>;
  let close: () => Promise<void>;
  const complaints: string[] = [];

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'holdfast-axe-'));
    const { folder: consoleFolder } = await builtConsole();
    browser = await sharedBrowser();
    const world = await apiKeysWorld(folder);
    const begin = async (where: string, body: object) =>
      world.backend.over((await world.send('POST', where, { body })).json.run);
    const backup = world.backups.shop.name;
    await begin('/verify', { backup, depth: 'full' });
    const { id: run, result } = await begin('/drill', { backup });
    const drill = path.basename(String(result?.['report']), '.json');
    names = { backup, run, drill, source: 'shop' };
    await world.make({ name: 'of the tests', roles: ['viewer'] });
    const log = await ChangeLog.make(folder);
    log.write('a change');
    await pollOf(world.repository, log.open(), { kind: 'files', name: 'shop' });
    full = { api: world.api, token: world.token };
    const store = new MemoryStore();
    await initRepository(store);
    const nothing = await openRepository(store);
    const { sessions, token } = sessionWith();
    empty = { api: adminApi(async () => localBackend(nothing).backend, sessions), token };
    close = async () => {
      await world.repository[Symbol.asyncDispose]();
      await nothing[Symbol.asyncDispose]();
    };
    context = await browser.newContext({ viewport: DESK });
    answers = { ...full, state: 'as it is' };
    await answerConsole(context, consoleFolder, answers);
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
    await close?.();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(async () => {
    await page?.close();
    expect(complaints.splice(0)).toEqual([]);
  });

  /** The screen in a page of its own. */
  const open = async ({ id, of }: { readonly id: ScreenId; readonly of?: Row['of'] }, state: object) => {
    Object.assign(answers, { state: 'as it is' }, state);
    page = await openConsolePage(context, complaints);
    const place = SCREENS[id].replace('{name}', of ? names[of] : '');
    await page.goto(`${CONSOLE_URL}#/${place}`);
  };
  const isClean = async (looks: readonly (typeof FOUR)[number][], what: string) => {
    for (const [colorScheme, size] of looks) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      await page.setViewportSize(size);
      expect(await allFindings(page), `${what} ${colorScheme} ${size.width}`).toEqual([]);
      if (size !== PHONE) continue;
      // What is drawn follows the width a frame later.
      const width = () => page.evaluate('document.scrollingElement.scrollWidth');
      await expect.poll(width, { timeout: 5000 }).toBeLessThanOrEqual(PHONE.width);
    }
    await page.setViewportSize(DESK);
  };

  it('has a row for every screen', () => {
    expect(Object.keys(ROWS).sort()).toEqual(Object.keys(SCREENS).sort());
  });

  describe.each(isFull ? sampleInFull(ROW_LIST, 8) : sample(ROW_LIST, 2))('$id', (row) => {
    it('is clean with all there is, at both sizes in both themes', async () => {
      await open(row, full);
      await page.getByText(row.shows).first().waitFor();
      await isClean(isFull ? sampleInFull(FOUR, 2) : sample(FOUR, 1), 'full');
    });

    it('is clean where there is nothing, while it loads, and when it fails', async () => {
      await open(row, empty);
      await page.getByText(row.empty).first().waitFor();
      await isClean(SOME, 'empty');
      await page.close();
      await open(row, { state: 'silent' });
      await page.getByRole('heading', { level: 1 }).waitFor();
      await isClean(SOME, 'loading');
      if (row.isStill) return;
      await page.close();
      await open(row, { state: 'failing' });
      await page.getByText('E_STORE_UNAVAILABLE').first().waitFor();
      await isClean(SOME, 'failing');
    });

    it.runIf(row.dialogs).each(row.dialogs ?? [])('is clean behind the dialog of %s', async (name) => {
      await open(row, full);
      await page.getByRole('button', { name, exact: true }).first().click();
      await page.getByRole('dialog').waitFor();
      await isClean(sample(TWO, 1), name);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    });

    it.runIf(row.steps)('is clean at each step of its wizard', async () => {
      await open(row, full);
      for (const [button, shows] of row.steps ?? []) {
        await page.getByRole('button', { name: button, exact: true }).click();
        await page.getByText(shows).first().waitFor();
        await isClean(sample(TWO, 1), shows);
      }
    });
  });
});
