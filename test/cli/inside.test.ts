import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { PostgresServer } from '../../tools/embedded-postgres.ts';
import { type CommandResult, runCommand } from '../support/command-line.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

describe('looking into backups', () => {
  let server: PostgresServer;
  let cwd: string;
  let holdfast: (line: string) => Promise<CommandResult>;
  const keys: string[] = [];

  beforeAll(async () => {
    server = await ownPostgres(18);
    await server.createDatabase('shop');
    cwd = await mkdtemp(path.join(tmpdir(), 'holdfast-test-'));
    const env = {
      HOLDFAST_REPOSITORY: path.join(cwd, 'repository'),
      BACKUP_ENCRYPTION_KEY: TEST_KEY,
      SHOP: server.url('shop'),
    };
    holdfast = (line) => runCommand(line, { env, cwd });
    await holdfast('init');
    for (const sql of [
      `CREATE TABLE orders (id int PRIMARY KEY, customer text, total numeric(10,2));
       CREATE TABLE note (text text);
       INSERT INTO orders VALUES (1, 'Ada', 10), (2, 'Bo', 9.5), (10, NULL, 100);
       INSERT INTO note VALUES ('a'), ('a'), (E'two\\nlines')`,
      `UPDATE orders SET total = 12 WHERE id = 2;
       DELETE FROM orders WHERE id = 1; INSERT INTO orders VALUES (11, 'O''Hara', 0);
       DELETE FROM note WHERE ctid = (SELECT ctid FROM note WHERE text = 'a' LIMIT 1)`,
      `ALTER TABLE orders ADD paid boolean; UPDATE orders SET paid = true WHERE id = 2`,
    ]) {
      await server.query('shop', sql);
      keys.push((await holdfast('backup --source env:SHOP --json')).json()['key']);
    }
  });
  afterAll(async () => {
    await server?.stop();
    await rm(cwd, { recursive: true, force: true });
  });

  it('shows rows for which all conditions hold, numbers compared as numbers', async () => {
    const orders = (more: string) => holdfast(`rows ${keys[0]} -d public.orders ${more}`);
    expect((await orders('')).stdout).toBe(
      'id  customer   total\n 1  Ada        10.00\n 2  Bo          9.50\n10  NULL      100.00\n',
    );
    const ids = async (more: string) =>
      ((await orders(`${more} -c id --json`)).json()['rows'] as { id: string }[]).map(({ id }) => id);
    expect(await ids('-w id>=2')).toEqual(['2', '10']);
    expect(await ids('-w total=9.5')).toEqual(['2']);
    expect(await ids('-w id>1 -w customer~B')).toEqual(['2']);
    expect(await ids('-w customer!=Ada')).toEqual(['2']);
    expect((await orders('-f csv -c customer,id')).stdout).toBe('customer,id\r\nAda,1\r\nBo,2\r\n,10\r\n');
    expect((await orders('-f ndjson -n 1')).stdout).toBe('{"id":"1","customer":"Ada","total":"10.00"}\n');
    expect((await orders('--limit 2 --json')).json()).toMatchObject({ rows: { length: 2 }, isCut: true });
    expect((await orders('--limit 2')).stderr).toContain('--limit all');
  });

  it('refuses conditions that cannot be, and says what can', async () => {
    const refused = async (more: string) => {
      const { status, stderr } = await holdfast(`rows ${keys[0]} -d public.orders ${more}`);
      expect(status).toBe(2);
      return stderr;
    };
    expect(await refused('-w totl>3')).toContain('Did you mean total?');
    expect(await refused('-w id=abc')).toContain("id is integer; 'abc' is not a number");
    expect(await refused('-w sometimes')).toContain("'sometimes' is not a condition");
    expect(await refused('-c id,nothing')).toContain("no column 'nothing'");
    expect(await refused('-n 0')).toContain("--limit is '0'");
    const { status, stderr } = await holdfast(`rows ${keys[0]}`);
    expect([status, stderr]).toEqual([2, expect.stringContaining('--dataset')]);
    expect((await holdfast(`rows ${keys[0]} -d public.order`)).stderr).toContain('public.orders');
  });

  it('shows what changed, by key where there is one', async () => {
    const { status, stdout } = await holdfast(`diff ${keys[0]} ${keys[1]}`);
    expect(status).toBe(0);
    expect(stdout).toBe(`public.note: 1 row removed
  - text: 'a'
public.orders: 1 row added; 1 row removed; 1 row changed
  - id: 1, customer: 'Ada', total: 10.00
  ~ id: 2, total: 9.50 -> 12.00
  + id: 11, customer: 'O'Hara', total: 0.00
`);
    expect((await holdfast(`diff ${keys[0]} ${keys[0]} --exit-code`)).stdout).toContain('No differences');
    expect((await holdfast(`diff ${keys[0]} ${keys[1]} --exit-code`)).status).toBe(1);
    const { datasets } = (await holdfast(`diff ${keys[1]} ${keys[2]} -d public.orders --json`)).json();
    expect(datasets).toMatchObject([
      { addedColumns: ['paid'], added: 0, removed: 0, changed: 0, key: ['id'] },
    ]);
    const definitions = (await holdfast(`diff ${keys[1]} ${keys[2]}`)).stdout;
    expect(definitions).toMatch(/^pre-data: .* lines? added/);
    expect(definitions).toContain('new columns: paid');
    expect((await holdfast('diff latest')).stderr).toContain('two backups are needed');
    expect((await holdfast(`diff ${keys[0]} ${keys[1]} -d public.nothing`)).status).toBe(10);
  });

  it('shows every version of a row', async () => {
    const versions = async (id: number) =>
      (await holdfast(`history -d public.orders --key ${id} --json`)).json()['versions'];
    expect(await versions(2)).toMatchObject([
      { key: keys[0], row: { total: '9.50' } },
      { key: keys[1], row: { total: '12.00' } },
      { key: keys[2], row: { total: '12.00', paid: 't' } },
    ]);
    expect(await versions(1)).toMatchObject([{ key: keys[0], row: { customer: 'Ada' } }, { row: null }]);
    expect(await versions(11)).toMatchObject([{ row: null }, { key: keys[1] }, { key: keys[2] }]);
    expect((await holdfast('history -d public.orders --key 2')).stdout).toContain('total: 9.50 -> 12.00');
    expect((await holdfast('history -d public.orders --key 77')).stdout).toBe(
      'None of 3 backups has that row.\n',
    );
    const refused = async (more: string) => (await holdfast(`history ${more}`)).stderr;
    expect(await refused('-d public.note --key a')).toContain('no primary key');
    expect(await refused('-d public.orders --key 1 --key 2')).toContain('(id), got 2 of 1');
    expect(await refused('-d public.orders --key abc')).toContain("id is integer; 'abc' is not a number");
    expect(await refused('-d public.nothing --key 1')).toContain('no backup has a dataset');
    expect(await refused('-d public.orders')).toContain('--dataset and --key are needed');
    expect(await refused('-d public.orders --key 1 --source other')).toContain("no backup of 'other'");
  });

  it('shows the lines of a file', async () => {
    const cwd = await newFolder();
    const env = { HOLDFAST_REPOSITORY: path.join(cwd, 'repository'), BACKUP_ENCRYPTION_KEY: TEST_KEY };
    const run = (line: string) => runCommand(line, { env, cwd });
    await run('init');
    await writeFile(path.join(cwd, 'a.txt'), 'one\ntwo\nthree\n');
    await run('backup --source ./a.txt');
    expect((await run('rows latest -w record~o')).stdout).toBe('record\none\ntwo\n');
  });
});
