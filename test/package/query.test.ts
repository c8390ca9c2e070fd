import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import { DUCKDB } from '../../shared/jobs/inside/query/load-duckdb.ts';
import { HOLDFAST, install } from '../support/package.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { itInFull as it } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const SQL = `SELECT count(*) AS n, max(record) AS last FROM "rows.txt"`;

/** A folder with a backup, and the package as npm installs it. */
async function installed(packages: readonly string[] = []) {
  const folder = await newFolder();
  install(folder, packages);
  const call = (...args: readonly string[]) =>
    spawnSync(process.execPath, [path.join('node_modules', HOLDFAST), ...args], {
      cwd: folder,
      env: {
        PATH: process.env['PATH'],
        BACKUP_ENCRYPTION_KEY: TEST_KEY,
        HOLDFAST_REPOSITORY: './repository',
      },
      encoding: 'utf8',
    });
  await writeFile(path.join(folder, 'rows.txt'), 'one\ntwo\nthree\n');
  expect(call('init').status).toBe(0);
  expect(call('backup', '--source', './rows.txt').status).toBe(0);
  return { folder, call };
}

describe('a query by the package as npm installs it', { timeout: 240_000 }, () => {
  it('runs if DuckDB is beside it', async () => {
    const { folder, call } = await installed([DUCKDB]);
    const { status, stdout, stderr } = call('query', 'latest', SQL, '--format', 'csv');
    expect([status, stdout, stderr]).toEqual([0, 'n,last\r\n3,two\r\n', '']);
    expect(call('export', 'latest', '--format', 'parquet', '--output', 'out').status).toBe(0);
    expect(await readdir(path.join(folder, 'out'))).toEqual(['rows.txt.parquet']);
  });

  it('says in one line that DuckDB is missing, in another how it is installed, and writes nothing', async () => {
    const { folder, call } = await installed();
    const before = await readdir(folder);
    for (const args of [
      ['query', 'latest', SQL],
      ['query', 'latest', SQL, '--format', 'parquet', '--output', 'out.parquet'],
      ['export', 'latest', '--format', 'parquet', '--output', 'out'],
    ]) {
      const { status, stdout, stderr } = call(...args);
      expect([status, stdout]).toEqual([2, '']);
      const lines = stderr.trimEnd().split('\n');
      expect(lines, stderr).toHaveLength(3);
      expect(lines[0]).toContain(`queries need DuckDB, the package ${DUCKDB}, which is not installed`);
      expect(lines[1]).toMatch(/Run: npm install @duckdb\/node-api@1\.\d+\.\d+/);
      expect(lines[2]).toBe('code: E_CONFIG');
    }
    expect(await readdir(folder)).toEqual(before);
    // Nothing else needs it.
    expect(call('rows', 'latest').stdout).toContain('three');
  });

  it('says which DuckDB it needs if another one is there', async () => {
    const { folder, call } = await installed();
    const place = path.join(folder, 'node_modules', DUCKDB);
    await mkdir(place, { recursive: true });
    await writeFile(
      path.join(place, 'package.json'),
      JSON.stringify({ name: DUCKDB, version: '1.3.0', type: 'module', exports: './index.js' }),
    );
    await writeFile(path.join(place, 'index.js'), `export const version = () => 'v1.3.0';`);
    const { status, stderr } = call('query', 'latest', SQL);
    expect(status).toBe(2);
    expect(stderr).toMatch(/queries need DuckDB 1\.\d+\.x; @duckdb\/node-api is of v1\.3\.0/);
    expect(stderr).toMatch(/Run: npm install @duckdb\/node-api@/);
  });
});
