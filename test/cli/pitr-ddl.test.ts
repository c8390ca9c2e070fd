import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runArguments } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { tortureTimeoutMs } from '../support/repository/torture.ts';
import { newFolder } from '../support/temporary.ts';

/** Before the first statement, right after it, and the end. */
const TRIED = [1, 2, 5];

describe('pitr setup --ddl', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" } });
  });
  afterAll(() => server?.stop());

  it('restores moments before and after a statement that changes definitions, from one backup', {
    timeout: tortureTimeoutMs,
  }, async () => {
    const cwd = await newFolder();
    const url = await server.createDatabase('shop');
    const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, THEN: server.url('then') };
    const sources = { shop: { kind: 'postgres', url, continuous: { keep: '3d' } } };
    await writeFile(
      path.join(cwd, 'holdfast.config.json'),
      JSON.stringify({ repository: './repository', sources }),
    );
    const holdfast = (...argv: string[]) => runArguments([...argv, '--json'], { env, cwd });
    const poll = async () => {
      const { status, stdout, stderr } = await holdfast('pitr', 'run', '--once');
      expect(status, stderr).toBe(0);
      return `${stdout}${stderr}`;
    };
    const now = async () => {
      const clock = `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"') AS now`;
      return (await server.query('shop', clock)).rows[0].now as string;
    };
    const items = async (database: string) =>
      (await server.query(database, 'SELECT * FROM items ORDER BY id')).rows;
    await server.query(
      'shop',
      "CREATE TABLE items (id int PRIMARY KEY, v text); INSERT INTO items VALUES (1, 'one')",
    );
    await holdfast('init');
    const printed = await holdfast('pitr', 'setup', '--print', '--ddl');
    expect(printed.json().statements[0].sql).toContain('CREATE EVENT TRIGGER');
    expect((await holdfast('pitr', 'setup', '--yes', '--ddl')).status).toBe(0);
    expect((await holdfast('pitr', 'setup', '--print', '--ddl')).json().statements).toEqual([]);
    expect(await poll()).toContain('making a new backup');

    const known = [{ at: await now(), items: await items('shop') }];
    for (const sql of [
      "INSERT INTO items VALUES (2, 'two')",
      "ALTER TABLE items ADD COLUMN state text DEFAULT 'new'",
      "UPDATE items SET state = 'old' WHERE id = 1",
      'CREATE TABLE orders (id int PRIMARY KEY); INSERT INTO orders VALUES (7)',
      'ALTER TABLE items DROP COLUMN v',
    ]) {
      await server.query('shop', sql);
      known.push({ at: await now(), items: await items('shop') });
    }
    expect(await poll()).not.toContain('making a new backup');
    expect((await holdfast('pitr', 'status')).json()).toMatchObject({ breaks: [], baseDue: null });
    for (const [i, { at, items: held }] of [...known.entries()].filter(([n]) => TRIED.includes(n))) {
      env.THEN = await server.createDatabase(`then${i}`);
      const restored = await holdfast('restore', '--at', at, '--to', 'env:THEN');
      expect(restored.status, restored.stderr).toBe(0);
      expect(await items(`then${i}`), at).toEqual(held);
    }
    expect((await server.query('then5', 'SELECT * FROM orders')).rows).toEqual([{ id: 7 }]);
    expect((await server.query('then5', 'SELECT evtname FROM pg_event_trigger')).rows).toEqual([]);

    // What cannot be run again is as it was: a new backup is made.
    await server.query('shop', 'CREATE TABLE copied AS SELECT 1 AS id');
    expect(await poll()).toContain('making a new backup');
    expect((await holdfast('pitr', 'status')).json()).toMatchObject({
      breaks: [{ why: 'definitions', says: expect.stringContaining('CREATE TABLE AS (public.copied)') }],
    });
    expect((await holdfast('pitr', 'remove', '--yes')).status).toBe(0);
    expect((await server.query('shop', 'SELECT evtname FROM pg_event_trigger')).rows).toEqual([]);
  });
});
