import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { runBackup } from '../../../../../shared/jobs/backup/backup.ts';
import { exportBackup } from '../../../../../shared/jobs/restore/export.ts';
import {
  type RestoreJobOptions,
  type RestoreResult,
  restoreBackup,
} from '../../../../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../../shared/repository/repository.ts';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import { MemoryStore } from '../../../../../shared/store/memory-store.ts';
import { initRepository, never, openRepository } from '../../../../support/repository/engine.ts';
import { POSTGRES_15_BIN } from '../../../../support/run/part-places.ts';

const run = promisify(execFile);

export async function newRepository(): Promise<Repository> {
  const store = new MemoryStore();
  await initRepository(store);
  return openRepository(store);
}

export function backUpUrl(repository: Repository, url: string) {
  return runBackup(repository, openPostgresSource(url, {}, {}), { signal: never });
}

export async function restoreUrl(
  repository: Repository,
  key: Parameters<typeof restoreBackup>[1],
  url: string,
  options: Partial<RestoreJobOptions> = {},
): Promise<RestoreResult> {
  const target = await openTarget({ kind: 'postgres', url, options: {} }, {});
  return restoreBackup(repository, key, target, { signal: never, ...options });
}

/** A backup as SQL. */
export async function exportSql(
  repository: Repository,
  key: Parameters<typeof exportBackup>[1],
): Promise<string> {
  const blocks: Uint8Array[] = [];
  for await (const block of exportBackup(repository, key, { format: 'sql', signal: never }))
    blocks.push(Buffer.from(block));
  return Buffer.concat(blocks).toString('utf8');
}

/** What PostgreSQL 15's own pg_dump says of a database, but for the random token it begins and ends with. */
export async function nativeDump(url: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(path.join(POSTGRES_15_BIN, 'pg_dump'), [...args, url], { maxBuffer: 2 ** 28 });
  return stdout.replaceAll(/^\\(un)?restrict .*$/gm, '');
}

/** @param options.goOn past statements that fail, as psql does unless told otherwise */
export async function psql(url: string, input: string, { goOn = false } = {}): Promise<void> {
  const child = execFile(path.join(POSTGRES_15_BIN, 'psql'), [
    '-X',
    '-q',
    '-v',
    `ON_ERROR_STOP=${goOn ? 0 : 1}`,
    '-f',
    '-',
    url,
  ]);
  let errors = '';
  child.stderr?.on('data', (text: string) => {
    errors += text;
  });
  child.stdout?.resume();
  child.stdin?.end(input);
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`psql: ${errors}`);
}
