import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RetentionPolicy } from '../../../shared/config/retention.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { openScratch } from '../../../shared/jobs/source/adapters.ts';
import { openSource } from '../../../shared/jobs/source/open-source.ts';
import { namedSource } from '../../../shared/jobs/source/same-source.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { never, openCheaply } from '../repository/engine.ts';
import { createShop, rowsThen } from '../sources/shop.ts';
import { makeYear } from './backup-year.ts';
import { makeTill, TILL, TILL_CONTINUOUS, type Till } from './demo-till.ts';

export interface DemoOptions {
  readonly dailyDays: number;
  readonly now?: Date;
  /** What retention keeps, in the configuration and, if `isPruned`, by prunes of the year. */
  readonly retention: Readonly<Record<string, number>>;
  /** Of the shop. @default few */
  readonly visits?: number;
  readonly isPruned?: boolean;
  readonly isSuspect?: boolean;
  /** A second source is backed up continuously, on a server with `TILL_SERVER`: receives it. @default there is none */
  readonly onTill?: (till: Till & AsyncDisposable) => void;
}

/**
 * Databases on a server, a year of backups of one of them, and a configuration: a folder that `holdfast` can be used in.
 *
 * @returns keys of the backups, oldest first
 */
export async function makeDemoWorld(
  folder: string,
  postgres: PostgresServer,
  options: DemoOptions,
): Promise<readonly BackupKey[]> {
  const { dailyDays, now = new Date(), visits, retention, onTill } = options;
  const { isPruned = false, isSuspect = false } = options;
  await mkdir(folder, { recursive: true });
  const [url, copy, staging] = [
    await createShop(postgres, 'shop', { now, ...(visits === undefined ? {} : { visits }) }),
    await postgres.createDatabase('shop_copy'),
    await createShop(postgres, 'staging', { now }),
  ];
  const place = (to: string) => ({ kind: 'postgres', url: to });
  const drill = { url: postgres.url('postgres') };
  const config = {
    repository: './backups',
    sources: { shop: place(url) },
    targets: { shop: place(url), shop_copy: place(copy), staging: place(staging) },
    drill: { postgres: drill },
    retention,
  };
  await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify(config, null, 2));
  const source = namedSource(await openSource({ kind: 'postgres', url, options: {} }, {}), 'shop');
  const policy: RetentionPolicy = { days: retention, counts: {} };
  const keys = await makeYear(path.join(folder, 'backups'), source, {
    now,
    dailyDays,
    isSuspect,
    scratch: await openScratch({ kind: 'postgres', options: {}, ...drill }, {}),
    rowsThen: (moments) => rowsThen(postgres, 'shop', moments),
    ...(isPruned ? { retention: policy } : {}),
  });
  if (!onTill) return keys;
  const repository = await openCheaply(new FolderStore(path.join(folder, 'backups')));
  const till = await makeTill(repository, postgres, never);
  const sources = { ...config.sources, [TILL.name]: { ...place(till.url), continuous: TILL_CONTINUOUS } };
  await writeFile(path.join(folder, 'holdfast.config.json'), JSON.stringify({ ...config, sources }, null, 2));
  onTill({ ...till, [Symbol.asyncDispose]: () => repository[Symbol.asyncDispose]() });
  return keys;
}
