import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exportBackup } from '../../../shared/jobs/export.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { type PostgresServer, startPostgres } from '../../../tools/embedded-postgres.ts';
import { never } from '../../support/engine.ts';
import { describeWithPart, POSTGRES_15_BIN } from '../../support/parts.ts';
import { everythingSql } from '../postgres-source/reading.ts';
import { backUpUrl, nativeDump, newRepository, psql, restoreUrl } from './round-trip.ts';

/** 10 is a million rows, and takes a quarter of a minute. */
const SCALE = process.env['HOLDFAST_PGBENCH_SCALE'] ?? '1';

describeWithPart('postgresql-15', 'restores, judged by native pg_dump 15', () => {
  let server: PostgresServer;
  let repository: Repository;

  beforeAll(async () => {
    server = await startPostgres({ bin: POSTGRES_15_BIN });
    repository = await newRepository();
    await server.createDatabase('everything');
    await server.query('everything', await everythingSql());
  });
  afterAll(async () => {
    await repository?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  it('gives back a database with everything, equal to the last line of its dump', async () => {
    const { key } = await backUpUrl(repository, server.url('everything'));
    const url = await server.createDatabase('restored');
    const { comparison } = await restoreUrl(repository, key, url);
    expect(comparison.filter(({ equal }) => !equal)).toEqual([]);
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('everything')));
  });

  it(`gives back pgbench at scale ${SCALE} after a run of it`, async () => {
    await server.createDatabase('bench');
    const pgbench = (...args: string[]) =>
      promisify(execFile)(path.join(POSTGRES_15_BIN, 'pgbench'), [...args, server.url('bench')]);
    await pgbench('-i', '-q', '-s', SCALE, '--foreign-keys');
    await pgbench('-t', '200', '-c', '2');
    const { key } = await backUpUrl(repository, server.url('bench'));
    const url = await server.createDatabase('bench_restored');
    await restoreUrl(repository, key, url, { jobs: 1 });
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('bench')));
  }, 180_000);

  it('exports SQL that psql restores to an equal database', async () => {
    const { key } = await backUpUrl(repository, server.url('everything'));
    const url = await server.createDatabase('exported');
    const blocks: Uint8Array[] = [];
    for await (const block of exportBackup(repository, key, { format: 'sql', signal: never }))
      blocks.push(Buffer.from(block));
    await psql(url, Buffer.concat(blocks).toString('utf8'));
    expect(await nativeDump(url)).toBe(await nativeDump(server.url('everything')));
  });
});
