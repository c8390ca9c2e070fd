import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { runArguments } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';

describe('a bad afternoon, mended from the command line', () => {
  let server: PostgresServer;
  let cwd: string;
  const env: Record<string, string> = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
  const holdfast = (...argv: string[]) => runArguments(argv, { env, cwd });
  const orders = async () => (await server.query('shop', 'SELECT * FROM orders ORDER BY id')).rows;

  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    env['HOLDFAST_REPOSITORY'] = path.join(cwd, 'repository');
    env['SHOP'] = server.url('shop');
    env['HOLDFAST_SOURCE'] = 'env:SHOP';
    await server.query(
      'shop',
      `CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric(10,2));
       CREATE TABLE note (text text);
       INSERT INTO orders VALUES (1, 'Ada', 10), (2, 'Bo', 9.5), (3, 'Cy', 1), (4, NULL, 100); INSERT INTO note VALUES ('a')`,
    );
    await holdfast('init');
    expect((await holdfast('backup')).status).toBe(0);
    await server.query(
      'shop',
      `DELETE FROM orders WHERE id = 1; UPDATE orders SET total = 0 WHERE id = 2; UPDATE orders SET total = 2 WHERE id = 3;
       INSERT INTO orders VALUES (5, 'Eve', 1)`,
    );
  });
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  it('shows what changed since, in every form', async () => {
    const { stdout, status } = await holdfast('diff', 'latest', 'live', '--exit-code');
    expect([status, stdout]).toEqual([
      1,
      `public.orders: 1 row added; 1 row removed; 2 rows changed
  - id: 1, customer: 'Ada', total: 10.00
  ~ id: 2, total: 9.50 -> 0.00
  ~ id: 3, total: 1.00 -> 2.00
  + id: 5, customer: 'Eve', total: 1.00
`,
    ]);
    const found = (await holdfast('diff', 'live:env:SHOP', 'latest', '--json')).json();
    expect(found).toMatchObject({
      first: expect.stringMatching(/^live:postgres:/),
      equal: false,
      datasets: [{ added: 1, changed: 2 }],
    });
    expect((await holdfast('diff', 'latest', 'live', '-f', 'csv', '-d', 'public.orders')).stdout).toContain(
      'change,version,id,customer,total\r\nremoved,first,1,Ada,10.00\r\nchanged,first,2,Bo,9.50\r\nchanged,second,2,Bo,0.00\r\n',
    );
    const { stdout: sql } = await holdfast('diff', 'latest', 'live', '--sql', '--reverse');
    expect(sql).toContain(`UPDATE ONLY "public"."orders" SET "total" = '9.50' WHERE "id" = '2';\n`);
    expect(sql.trimEnd().endsWith('COMMIT;')).toBe(true);
  });

  it('refuses what cannot be, and says what can', async () => {
    const refused = async (...argv: string[]) => {
      const { status, stderr } = await holdfast(...argv);
      return `${status} ${stderr}`;
    };
    expect(await refused('diff', 'latest', 'live', '--reverse')).toMatch(/^2 .*--reverse needs --sql/s);
    expect(await refused('diff', 'live', 'live')).toMatch(/^2 .*which database does .live. mean/s);
    expect(await refused('diff', 'latest', 'live', '--sql', '-n', '3')).toMatch(/^2 .*--sql always prints/s);
    const rows = (...more: string[]) => refused('restore', 'latest', '--to', 'env:SHOP', ...more);
    expect(await rows('-d', 'public.orders', '-w', 'totl = 1')).toMatch(/^2 .*Did you mean total\?/s);
    expect(await rows('-d', 'public.orders', '-w', 'id = 1', '--replace')).toMatch(
      /^2 .*--replace is for whole restores, not for rows/s,
    );
    expect(await rows('-d', 'public.orders', '--on-conflict', 'maybe')).toMatch(
      /^2 .*allowed are fail, skip, replace/s,
    );
    expect(await rows('-w', 'id = 1')).toMatch(/^2 .*--dataset is missing/s);
    expect(await rows('--rows', 'nowhere.txt')).toMatch(/^2 .*cannot be read \(ENOENT\)/s);
    expect(await rows('-d', 'public.nothing', '-w', 'id = 1')).toMatch(/^10 /);
    expect(await rows('-d', 'public.orders', '--remove-added')).toMatch(/^2 .*needs --rows FILE/s);
    const removing = ['--rows', 'x.ndjson', '--remove-added'];
    expect(await rows(...removing, '-w', 'id = 1')).toMatch(/^2 .*does not go with --where/s);
    expect(await rows(...removing, '--beside', 'old')).toMatch(/^2 .*does not go with --beside/s);
    expect(await rows('-d', 'public.note', '-w', 'text = a')).toMatch(/^11 .*no primary key.*--beside NAME/s);
    expect(await rows('-d', 'public.orders', '-w', 'id <= 2')).toMatch(
      /^11 .*differs: \(2\).*--on-conflict replace/s,
    );
    expect(
      await refused('restore', 'latest', '--to', './files', '-d', 'public.orders', '-w', 'id = 1'),
    ).toMatch(/^2 .*single rows cannot be put back/s);
    expect(await orders()).toHaveLength(4);
  });

  it('removes rows that were added since only if that is asked for, and not if others refer to them', async () => {
    await server.query(
      'shop',
      `CREATE TABLE line (order_id int PRIMARY KEY REFERENCES orders); INSERT INTO line VALUES (5)`,
    );
    const { stdout: lines } = await holdfast('diff', 'latest', 'live', '-f', 'ndjson', '-d', 'public.orders');
    const added = lines.split('\n').filter((line) => line.includes('"change":"added"'));
    await writeFile(path.join(cwd, 'added.ndjson'), added.join('\n'));
    const restore = (...more: string[]) =>
      holdfast('restore', 'latest', '--to', 'env:SHOP', '--rows', 'added.ndjson', ...more);
    expect(await restore('--yes')).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/names only rows that were added since.*--remove-added/s),
    });
    const before = await orders();
    expect(await restore('--remove-added', '--yes')).toMatchObject({
      status: 11,
      stderr: expect.stringMatching(/rows of public.line refer to \(5\), which would be removed .*; change/s),
    });
    await server.query('shop', `DROP TABLE line; UPDATE orders SET total = 7 WHERE id = 5`);
    expect(await restore('--remove-added', '--yes')).toMatchObject({
      status: 11,
      stderr: expect.stringContaining('1 row to be removed changed since'),
    });
    await server.query('shop', 'UPDATE orders SET total = 1 WHERE id = 5');
    expect(await orders()).toEqual(before);
    expect((await restore('--remove-added', '--yes')).stdout).toContain('0 added, 0 changed, 1 removed');
    expect(await orders()).toEqual(before.filter(({ id }) => id !== 5));
    await server.query('shop', `INSERT INTO orders VALUES (5, 'Eve', 1)`);
  });

  it('puts back what was wrong, and keeps what was right', async () => {
    await server.query('shop', 'CREATE INDEX later ON orders (total)');
    const { stdout: lines } = await holdfast('diff', 'latest', 'live', '-f', 'ndjson');
    await writeFile(
      path.join(cwd, 'wrong.ndjson'),
      lines
        .split('\n')
        .filter((line) => !line.includes('"3"'))
        .join('\n'),
    );
    const restore = (...more: string[]) =>
      holdfast(
        'restore',
        'latest',
        '--to',
        'env:SHOP',
        '--rows',
        'wrong.ndjson',
        '--on-conflict',
        'replace',
        ...more,
      );
    const staying = (await restore('--dry-run', '--json')).json();
    expect(staying).toMatchObject({
      datasets: [{ added: 1, changed: 1, removed: 0 }],
      warnings: [
        'post-data: definitions differ too, and stay as they are: --rows puts back only rows',
        'public.orders: leaves 1 row added since; --remove-added removes such rows',
      ],
    });
    const planned = (await restore('--remove-added', '--dry-run', '--json')).json();
    expect(planned).toMatchObject({
      onConflict: 'replace',
      datasets: [
        { dataset: 'public.orders', key: ['id'], added: 1, changed: 1, removed: 1, kept: 0, same: 0 },
      ],
      violations: [],
    });
    expect((await restore('--remove-added', '--dry-run')).stdout).toContain(
      'public.orders by id: 1 added, 1 changed, 1 removed',
    );
    expect(await restore('--remove-added')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--yes'),
    });
    expect((await restore('--remove-added', '--yes', '--json')).json()).toEqual(planned);
    expect(await orders()).toEqual([
      { id: 1, customer: 'Ada', total: '10.00' },
      { id: 2, customer: 'Bo', total: '9.50' },
      { id: 3, customer: 'Cy', total: '2.00' },
      { id: 4, customer: null, total: '100.00' },
    ]);
    expect((await holdfast('runs', '--json')).stdout).toContain('restore');
    const beside = await holdfast(
      'restore',
      'latest',
      '--to',
      'env:SHOP',
      '-d',
      'public.note',
      '--beside',
      'old_note',
    );
    expect(beside.stdout).toContain('public.old_note: 1 added');
    expect((await server.query('shop', 'SELECT * FROM old_note')).rows).toEqual([{ text: 'a' }]);
  });
});
