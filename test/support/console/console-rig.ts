import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
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

/** What is there already; it is stopped with the rig. */
export interface ConsoleParts {
  /** Of the console, as it is built. */
  readonly consoleFolder: string;
  readonly postgres: PostgresServer;
  readonly browser: Browser;
}

/** Starts everything else; what was started is stopped again if something fails. */
export async function startConsoleRig(parts: ConsoleParts, options: DemoOptions): Promise<ConsoleRig> {
  await using started = new AsyncDisposableStack();
  const { consoleFolder, postgres, browser } = parts;
  started.defer(() => postgres.stop());
  started.defer(() => browser.close());
  const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-console-'));
  started.defer(() => rm(folder, { recursive: true, force: true }));
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
