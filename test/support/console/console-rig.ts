import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { buildConsole } from '../../../tools/build-console.ts';
import { type PostgresServer, startPostgres } from '../../../tools/embedded-postgres.ts';
import { CHROMIUM } from '../parts.ts';
import { TEST_KEY } from '../repository/engine.ts';
import { type Serving, startServing } from '../serving.ts';
import { type DemoOptions, makeDemoWorld } from './demo-world.ts';

/** All that the console is tried with: a database, a year of its backups, `holdfast serve`, a browser. */
export interface ConsoleRig extends AsyncDisposable {
  readonly folder: string;
  readonly consoleFolder: string;
  readonly postgres: PostgresServer;
  /** Of the year, oldest first. */
  readonly keys: readonly BackupKey[];
  readonly serving: Serving;
  readonly browser: Browser;
  /** Another server on the same repository. */
  serve(line: string): Promise<Serving>;
}

/** Starts everything; what was started is stopped again where something fails. */
export async function startConsoleRig(options: DemoOptions): Promise<ConsoleRig> {
  await using started = new AsyncDisposableStack();
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
  const consoleFolder = path.join(folder, 'console');
  const [postgres, browser] = await Promise.all([
    startPostgres(),
    chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }),
    buildConsole(consoleFolder),
  ]);
  started.defer(() => postgres.stop());
  started.defer(() => browser.close());
  const keys = await makeDemoWorld(folder, postgres, options);
  const world = { env: { BACKUP_ENCRYPTION_KEY: TEST_KEY }, cwd: folder };
  const serve = (line: string) => startServing(`--console ${consoleFolder} ${line}`, world);
  const serving = started.use(await serve(''));
  const all = started.move();
  return {
    folder,
    consoleFolder,
    postgres,
    keys,
    serving,
    browser,
    serve,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The newest link that a server printed: it works once. */
export function newestLink(serving: Serving): string {
  const link = [...serving.stderr().matchAll(/next link: (\S+)/g)].at(-1)?.[1];
  if (link === undefined) throw new Error(`no link in: ${serving.stderr()}`);
  return link;
}
