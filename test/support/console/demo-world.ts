import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { RetentionPolicy } from '../../../shared/config/retention.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { openScratch } from '../../../shared/jobs/source/adapters.ts';
import { openSource } from '../../../shared/jobs/source/open-source.ts';
import { namedSource } from '../../../shared/jobs/source/same-source.ts';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';
import { createShop, rowsThen } from '../sources/shop.ts';
import { makeYear } from './backup-year.ts';

export interface DemoOptions {
  readonly dailyDays: number;
  readonly now?: Date;
  /** What retention keeps, in the configuration and, if `isPruned`, by prunes of the year. */
  readonly retention: Readonly<Record<string, number>>;
  /** Of the shop. @default few */
  readonly visits?: number;
  readonly isPruned?: boolean;
  readonly isSuspect?: boolean;
}

/**
 * Databases on a server, a year of backups of one of them, and a configuration: a folder that `holdfast` can be used in.
 *
 * @returns keys of the backups, oldest first
 */
export async function makeDemoWorld(
  folder: string,
  postgres: PostgresServer,
  { dailyDays, now = new Date(), visits, retention, isPruned = false, isSuspect = false }: DemoOptions,
): Promise<readonly BackupKey[]> {
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
  return makeYear(path.join(folder, 'backups'), source, {
    now,
    dailyDays,
    isSuspect,
    scratch: await openScratch({ kind: 'postgres', options: {}, ...drill }, {}),
    rowsThen: (moments) => rowsThen(postgres, 'shop', moments),
    ...(isPruned ? { retention: policy } : {}),
  });
}
