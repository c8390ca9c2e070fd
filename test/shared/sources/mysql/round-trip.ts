import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { RowDataPacket } from 'mysql2/promise';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { type RestoreJobOptions, restoreBackup } from '../../../../shared/jobs/restore/restore.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { openMysqlSource } from '../../../../shared/sources/mysql/source.ts';
import { openMysqlTarget } from '../../../../shared/sources/mysql/target.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { initRepository, never, openRepository } from '../../../support/repository/engine.ts';

const run = promisify(execFile);

export async function newRepository(): Promise<Repository> {
  const store = new MemoryStore();
  await initRepository(store);
  return openRepository(store);
}

export async function backUpUrl(
  repository: Repository,
  url: string,
  options: Readonly<Record<string, string | number | boolean>> = {},
): Promise<BackupKey> {
  const { key } = await runBackup(repository, openMysqlSource(url, options, {}), {
    type: 'daily',
    signal: never,
  });
  return key;
}

export function restoreUrl(
  repository: Repository,
  key: BackupKey,
  url: string,
  options: Partial<RestoreJobOptions> = {},
) {
  return restoreBackup(repository, key, openMysqlTarget(url, {}, {}), { signal: never, ...options });
}

/** The database as its own program writes it, but for what names the database and the time. */
export async function nativeDump(server: MariadbServer, database: string): Promise<string> {
  const { stdout } = await run(
    'mariadb-dump',
    [
      '--no-defaults',
      `--host=${server.host}`,
      `--port=${server.port}`,
      `--user=${server.user}`,
      `--password=${server.password}`,
      '--routines',
      '--triggers',
      '--events',
      '--hex-blob',
      '--skip-extended-insert',
      '--skip-dump-date',
      '--dump-history',
      '--order-by-primary',
      '--tz-utc',
      database,
    ],
    { maxBuffer: 1024 ** 3, encoding: 'latin1' },
  );
  return stdout
    .replaceAll(/^-- (MariaDB dump|Host:).*$/gm, '')
    .replaceAll(`\`${database}\``, '`DATABASE`')
    .replaceAll(`'${database}'`, "'DATABASE'");
}

/** What the server says of the rows of each table, by its own count. */
export async function checksums(
  server: MariadbServer,
  database: string,
): Promise<Readonly<Record<string, string>>> {
  const client = await server.connect(database);
  try {
    const [tables] = await client.query<RowDataPacket[]>(
      "SELECT TABLE_NAME AS name FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY 1",
    );
    const sums: Record<string, string> = {};
    for (const { name } of tables) {
      const [rows] = await client.query<RowDataPacket[]>(
        `CHECKSUM TABLE \`${String(name).replaceAll('`', '``')}\` EXTENDED`,
      );
      sums[name] = String(rows[0]?.['Checksum']);
    }
    return sums;
  } finally {
    await client.end();
  }
}
