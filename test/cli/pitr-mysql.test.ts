import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect } from 'vitest';
import { type MariadbServer, startMariadb } from '../../tools/mariadb-server.ts';
import { runArguments } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { turnOfAll } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

const it = turnOfAll(3);
let server: MariadbServer;
let folder: string;

/** Runs a command that has to succeed. */
async function holdfast(...argv: readonly string[]) {
  const env = {
    BACKUP_ENCRYPTION_KEY: TEST_KEY,
    TARGET_URL: server.url('again'),
  };
  const result = await runArguments(argv, { env, cwd: folder });
  expect(result.status, `${argv.join(' ')}: ${result.stderr}`).toBe(0);
  return result;
}

describeWithPart('mariadb', 'continuous backup of MariaDB by the command line', () => {
  beforeAll(async () => {
    server = await startMariadb();
    await server.query(
      undefined,
      `CREATE DATABASE shop; USE shop; CREATE TABLE orders (id INT PRIMARY KEY, v TEXT); INSERT INTO orders VALUES (1, 'before'), (2, 'before')`,
    );
  });
  afterAll(() => server.stop());

  it('restores the latest moment, before a transaction, and a moment by the clock', async () => {
    folder = await newFolder();
    await writeFile(
      path.join(folder, 'holdfast.config.json'),
      JSON.stringify({
        repository: './repository',
        sources: { shop: { kind: 'mysql', url: server.url('shop'), continuous: {} } },
      }),
    );
    await holdfast('init');
    await holdfast('pitr', 'setup', '--yes');
    await holdfast('pitr', 'run', '--once');
    await server.query(
      'shop',
      "UPDATE orders SET v = 'after' WHERE id = 1; INSERT INTO orders VALUES (3, 'new')",
    );
    await holdfast('pitr', 'run', '--once');
    // Moments are whole seconds there.
    await delay(1100);
    const at = new Date(Math.floor(Date.now() / 1000) * 1000).toISOString();
    await delay(50);
    const client = await server.connect('shop');
    await client.query(
      'ALTER TABLE orders ADD COLUMN w INT; DELETE FROM orders WHERE id = 2; UPDATE orders SET w = 9',
    );
    await client.query('DROP TABLE orders');
    const [[row]] = (await client.query('SELECT @@last_gtid AS gtid')) as unknown as [[{ gtid: string }]];
    await client.end();
    await holdfast('pitr', 'run', '--once');
    const status = await holdfast('pitr', 'status', '--json');
    expect(status.json()).toMatchObject({ breaks: [], segments: 3 });

    const restored = async (...argv: readonly string[]) => {
      await server.query(undefined, 'CREATE OR REPLACE DATABASE again');
      await holdfast('restore', ...argv, '--to', 'env:TARGET_URL', '--yes', '--source', 'shop');
      return server.query('again', 'SHOW TABLES');
    };
    expect(await restored('--at', 'latest')).toEqual([]);
    expect(await restored('--before-transaction', row.gtid)).toHaveLength(1);
    expect(await server.query('again', 'SELECT * FROM orders ORDER BY id')).toEqual([
      { id: 1, v: 'after', w: 9 },
      { id: 3, v: 'new', w: 9 },
    ]);
    expect(await restored('--at', at)).toHaveLength(1);
    expect(await server.query('again', 'SELECT * FROM orders ORDER BY id')).toEqual([
      { id: 1, v: 'after' },
      { id: 2, v: 'before' },
      { id: 3, v: 'new' },
    ]);
  });
});
