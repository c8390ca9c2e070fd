import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runArguments } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';

describe('a bad afternoon, from the command line', { timeout: 240_000 }, () => {
  let server: PostgresServer;
  let cwd: string;
  beforeAll(async () => {
    server = await ownPostgres(18, { settings: { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" } });
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    const url = await server.createDatabase('shop');
    await server.query(
      'shop',
      `CREATE TABLE customers (id int PRIMARY KEY, mail text NOT NULL, friend int REFERENCES customers);
       CREATE TABLE orders (id int PRIMARY KEY, customer int REFERENCES customers, total numeric(10, 2));
       CREATE TABLE notes (id int PRIMARY KEY, about text);
       INSERT INTO customers SELECT i, 'c' || i || '@mail.test', nullif(i / 2, 0) FROM generate_series(1, 40) i;
       INSERT INTO orders SELECT i, 1 + i % 40, i FROM generate_series(1, 100) i;
       INSERT INTO notes SELECT i, 'c' || i || '@mail.test' FROM generate_series(1, 40) i`,
    );
    await writeFile(
      path.join(cwd, 'holdfast.config.json'),
      JSON.stringify({
        repository: './repository',
        sources: { shop: { kind: 'postgres', url, continuous: { keep: '3d' } } },
      }),
    );
    await holdfast('init');
    await holdfast('pitr', 'setup', '--yes');
    await holdfast('pitr', 'run', '--once');
  });
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  /** Every document is compared with the page of the command line. */
  async function holdfast(...argv: string[]) {
    const env = {
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      COPY: server.url('copy'),
      HOLDFAST_MASK_SECRET: 'a secret of the test, long enough',
    };
    const result = await runArguments([...argv, '--json'], { env, cwd });
    const last = result.stdout.trimEnd().split('\n').at(-1);
    return { ...result, document: last ? JSON.parse(last) : undefined };
  }

  it('is searched for, shown, and undone', async () => {
    const before = await server.query('shop', 'SELECT * FROM orders ORDER BY id');
    const found = await server.query(
      'shop',
      'BEGIN; UPDATE orders SET total = -total WHERE id < 4; DELETE FROM orders WHERE id = 5; SELECT xmin::text AS id FROM orders WHERE id = 1; COMMIT',
    );
    const results = found as unknown as readonly { readonly rows: readonly { readonly id: string }[] }[];
    const id = results.find(({ rows }) => rows.length > 0)?.rows[0]?.id ?? '';
    await holdfast('pitr', 'run', '--once', '--no-backup');
    await holdfast('backup');
    const broken = await holdfast('bisect', 'shop', '--check', 'select id from orders where total < 0');
    expect([broken.status, broken.stderr]).toEqual([0, expect.not.stringContaining('warning')]);
    expect(broken.document).toMatchObject({
      backups: 2,
      isMonotone: true,
      transaction: { id },
      rows: { length: 3 },
    });
    const plan = await holdfast('undo', '--transaction', id, '--dry-run');
    expect(plan.document.datasets).toMatchObject([
      { dataset: 'public.orders', key: ['id'], added: 0, removed: 1, changed: 3, rows: { length: 4 } },
    ]);
    expect((await holdfast('undo', '--transaction', id)).status).toBe(2);
    const done = await holdfast('undo', '--transaction', id, '--yes');
    expect([done.status, done.document.violations]).toEqual([0, []]);
    expect((await server.query('shop', 'SELECT * FROM orders ORDER BY id')).rows).toEqual(before.rows);
    const again = await holdfast('undo', '--transaction', id, '--yes');
    expect([again.status, again.stdout]).toEqual([
      11,
      expect.stringContaining('public.orders: 3 rows have changed since: (1), (2), (3)'),
    ]);
    expect((await holdfast('bisect', '--check', 'select nothing')).status).toBe(2);
  });

  it('is tried out on a part of the data, masked', async () => {
    await server.createDatabase('copy');
    const subset = [
      'restore',
      'latest:shop',
      '--to',
      'env:COPY',
      '--subset',
      'orders: id = 20 and total > 0',
    ];
    const plan = await holdfast(...subset, '--dry-run');
    expect(plan.document.subset).toEqual([
      { dataset: 'public.customers', records: 5, of: 40 },
      { dataset: 'public.notes', records: 0, of: 40 },
      { dataset: 'public.orders', records: 1, of: 99 },
    ]);
    const all = ['customers', 'orders', 'notes'].flatMap((name) => ['--subset', name]);
    const whole = await holdfast('restore', 'latest:shop', '--to', 'env:COPY', ...all, '--dry-run');
    expect(whole.document.warnings).toContainEqual(
      expect.stringMatching(/^the subset is the whole database: all 179 rows are chosen, [\d.]+ (K|Ki)?B$/),
    );
    await holdfast('mask', 'suggest', 'latest:shop', '--output', 'rules.json');
    const more = [
      '--follow',
      '--reference',
      'notes(about) -> customers(mail)',
      '--subset',
      'notes: id = 7',
      '--mask',
      'rules.json',
    ];
    const done = await holdfast(...subset, ...more);
    expect([done.status, done.stderr]).toEqual([0, expect.any(String)]);
    const { rows } = await server.query(
      'copy',
      `SELECT (SELECT count(*) FROM notes) AS notes, (SELECT count(*) FROM orders) AS orders,
              (SELECT string_agg(id::text, ' ' ORDER BY id) FROM customers) AS customers,
              (SELECT count(*) FROM customers WHERE mail LIKE '%mail.test') AS raw`,
    );
    // Of 20: customer 21, its friends 10, 5, 2 and 1; of note 7: customer 7, and its friends.
    expect(rows).toEqual([{ notes: '1', orders: '1', customers: '1 2 3 5 7 10 21', raw: '0' }]);
    const wrong = async (...argv: string[]) =>
      (await holdfast(...subset, ...argv, '--replace', '--yes')).stdout;
    expect(await wrong('--subset', 'order: id = 1')).toContain('Did you mean orders?');
    expect(await wrong('--reference', 'notes(abuot) -> customers(mail)')).toContain('Did you mean about?');
    expect(await wrong('--dataset', 'public.orders')).toContain('Leave out --dataset');
    expect(await wrong('--subset', 'orders: select 1')).toContain('is not a condition');
    expect((await server.query('copy', 'SELECT count(*) AS n FROM customers')).rows).toEqual([{ n: '7' }]);
  });
});
