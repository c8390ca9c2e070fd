import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startMariadb } from '../../tools/mariadb-server.ts';
import { runArguments } from '../support/command-line.ts';
import { describeWithPart } from '../support/parts.ts';
import { ownPostgres } from '../support/postgres.ts';
import { TEST_KEY } from '../support/repository/engine.ts';
import { newFolder } from '../support/temporary.ts';

/** A server whose database is backed up continuously. */
interface Server {
  readonly kind: string;
  url(database: string): string;
  make(database: string): Promise<unknown>;
  query(database: string, sql: string): Promise<readonly Record<string, unknown>[]>;
  /** The server's clock, as `--at` takes it. */
  readonly clock: string;
  /** Lets a tick of the clock pass that its log has: MariaDB's has whole seconds. */
  readonly tick?: string;
  stop(): Promise<unknown>;
}

async function postgres(): Promise<Server> {
  const settings = { wal_level: 'logical', max_slot_wal_keep_size: "'1GB'" };
  const server = await ownPostgres(18, { settings });
  return {
    kind: 'postgres',
    url: (database) => server.url(database),
    make: (database) => server.createDatabase(database),
    query: async (database, sql) => (await server.query(database, sql)).rows,
    clock: `SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"Z"') AS now`,
    stop: () => server.stop(),
  };
}

async function mariadb(): Promise<Server> {
  const server = await startMariadb();
  return {
    kind: 'mysql',
    url: (database) => server.url(database),
    make: (database) => server.query(undefined, `CREATE DATABASE ${database}`),
    query: (database, sql) => server.query(database, sql),
    clock: `SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%d %H:%i:%s.%fZ') AS now`,
    tick: 'DO SLEEP(1.1)',
    stop: () => server.stop(),
  };
}

function suite(start: () => Promise<Server>): void {
  let server: Server;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  it('is set up, polled, and restored to moments, by the command line alone', async () => {
    const cwd = await newFolder();
    const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY, SHOP: server.url('shop'), THEN: server.url('then') };
    const config = {
      repository: './repository',
      sources: { shop: { kind: server.kind, url: server.url('shop'), continuous: { keep: '3d' } } },
    };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify(config));
    const holdfast = async (...argv: string[]) => {
      const result = await runArguments([...argv, '--json'], { env, cwd });
      const lines = result.stdout.trimEnd().split('\n');
      return { ...result, document: lines.at(-1) ? JSON.parse(lines.at(-1) ?? '') : undefined };
    };
    const sql = (text: string) => server.query('shop', text);
    const rows = async (database: string) =>
      (await server.query(database, 'SELECT id, v FROM items ORDER BY id')).map(({ id, v }) => `${id} ${v}`);
    const now = async () => String((await sql(server.clock))[0]?.['now']);
    await server.make('shop');
    await sql('CREATE TABLE items (id INT PRIMARY KEY, v VARCHAR(100))');
    await sql("INSERT INTO items VALUES (1, 'one'), (2, 'two')");
    await holdfast('init');

    const printed = await holdfast('pitr', 'setup', '--print');
    expect([printed.status, printed.stderr]).toEqual([0, '']);
    expect((await holdfast('pitr', 'setup', '--yes')).document).toMatchObject({ isSetUp: true });
    const first = await holdfast('pitr', 'run', '--once');
    expect(first.status, first.stderr).toBe(0);
    expect(first.stderr).toContain('making a new backup');
    const doctor = await holdfast('pitr', 'doctor');
    expect([0, 41], JSON.stringify(doctor.document)).toContain(doctor.status);

    /** What the writer knows: the table after each of its own transactions. */
    const known: { readonly at: string; readonly rows: readonly string[] }[] = [];
    const note = async () => {
      if (server.tick) await sql(server.tick);
      known.push({ at: await now(), rows: await rows('shop') });
    };
    await note();
    for (const [i, change] of [
      "INSERT INTO items VALUES (3, 'three')",
      "UPDATE items SET v = 'TWO' WHERE id = 2",
      'DELETE FROM items WHERE id = 1',
      "INSERT INTO items VALUES (4, 'four')",
    ].entries()) {
      await sql(change);
      await note();
      if (i % 2 === 0) expect((await holdfast('pitr', 'run', '--once')).status).toBe(0);
    }
    const last = await holdfast('pitr', 'run', '--once');
    expect(last.document).toMatchObject({ source: 'shop', isCaughtUp: true, gaps: [] });
    const status = await holdfast('pitr', 'status');
    expect(status.status, status.stdout).toBe(0);
    expect(status.document.ranges).toHaveLength(1);

    expect((await holdfast('pitr', 'pause')).document).toMatchObject({
      source: 'shop',
      paused: expect.any(String),
    });
    const paused = await holdfast('pitr', 'run', '--once');
    expect([paused.status, paused.stdout, paused.stderr]).toEqual([
      0,
      '',
      expect.stringContaining('has been paused'),
    ]);
    const asked = await holdfast('pitr', 'status');
    expect([asked.status, asked.document.paused]).toEqual([41, expect.any(String)]);
    expect((await holdfast('pitr', 'resume')).document).toEqual({
      source: 'shop',
      paused: null,
      wasPaused: true,
    });
    expect((await holdfast('pitr', 'run', '--once')).document).toMatchObject({ isCaughtUp: true });

    for (const [i, { at, rows: held }] of [
      ...known.entries(),
      [known.length, { at: 'latest', rows: await rows('shop') }] as const,
    ]) {
      await server.make(`then${i}`);
      const to = { ...env, THEN: server.url(`then${i}`) };
      const plan = await runArguments(['restore', '--at', at, '--to', 'env:THEN', '--dry-run', '--json'], {
        env: to,
        cwd,
      });
      expect(plan.json().changeBytes, plan.stderr).toBeGreaterThan(-1);
      const result = await runArguments(['restore', '--at', at, '--to', 'env:THEN', '--json'], {
        env: to,
        cwd,
      });
      expect(result.status, result.stderr).toBe(0);
      expect(await rows(`then${i}`), at).toEqual(held);
    }

    const refused = await runArguments(['restore', '--at', '2020-01-01 00:00Z', '--to', 'env:THEN'], {
      env,
      cwd,
    });
    expect([refused.status, refused.stderr]).toEqual([10, expect.stringContaining('E_NO_MOMENT')]);
    // Nobody has polled since: the command does.
    await sql("INSERT INTO items VALUES (5, 'five')");
    const night = await holdfast('backup', 'daily');
    expect(night.status, night.stderr).toBe(0);
    const proof = await holdfast('pitr', 'prove');
    expect([proof.status, proof.document]).toMatchObject([0, { state: 'equal', transactions: 5 }]);
    expect(night.document.proof).toEqual({
      outcome: 'equal',
      report: expect.stringMatching(/^reports\/proof\//),
    });
    const shown = await runArguments(
      ['show', path.basename(night.document.proof.report, '.json'), '--json'],
      { env, cwd },
    );
    expect(shown.json()).toMatchObject({ outcome: 'equal', transactions: 5, isProven: true });
    expect((await holdfast('pitr', 'watchdog', '--once')).document).toMatchObject({ didLetGo: false });
    expect((await holdfast('pitr', 'remove', '--yes')).document).toEqual({ source: 'shop', isSetUp: false });
    expect((await holdfast('prune', '--dry-run')).document).toMatchObject({ changes: { objects: 0 } });
  }, 300_000);
}

describe('a PostgreSQL database', () => suite(postgres));
describeWithPart('mariadb', 'a MariaDB database', () => suite(mariadb));

describe('holdfast pitr', () => {
  it.each([
    [['pitr'], 'pitr needs an action'],
    [['pitr', 'go'], "pitr has no action 'go'"],
    [['pitr', 'stats'], 'Did you mean status?'],
    [['pitr', 'status', '--print'], '--print is for pitr setup'],
    [['pitr', 'run', '--source', 'x'], "'x' is not a source of the configuration"],
    [['restore', 'latest', '--at', 'latest', '--to', 'x'], "'latest' is one argument too many"],
    [['restore', '--at', 'latest', '--before-transaction', '5', '--to', 'x'], 'name two moments'],
    [['restore', '--at', '2026-11-29 10:15', '--to', './x'], 'does not say its time zone'],
    [['restore', '--at', '2026-02-30 10:15Z', '--to', './x'], "there is no moment '2026-02-30 10:15Z'"],
    [['restore', '--at', 'noon', '--to', './x'], "'noon' is not a moment"],
  ])('refuses %j', async (argv, message) => {
    const cwd = await newFolder();
    const sources = { shop: { kind: 'postgres', url: 'postgres://localhost/shop', continuous: {} } };
    await writeFile(
      path.join(cwd, 'holdfast.config.json'),
      JSON.stringify({ repository: './repository', sources }),
    );
    const env = { BACKUP_ENCRYPTION_KEY: TEST_KEY };
    await runArguments(['init'], { env, cwd });
    const { status, stderr } = await runArguments(argv, { env, cwd });
    expect([status, stderr]).toEqual([2, expect.stringContaining(message)]);
  });

  it('cannot do it for a kind whose servers hand out no changes, and says so', async () => {
    const cwd = await newFolder();
    const sources = { texts: { kind: 'files', url: './texts', continuous: {} } };
    await writeFile(path.join(cwd, 'holdfast.config.json'), JSON.stringify({ sources }));
    const { status, stderr } = await runArguments(['pitr', 'setup', '--print'], { env: {}, cwd });
    expect([status, stderr]).toEqual([30, expect.stringContaining('cannot be backed up continuously')]);
  });
});
