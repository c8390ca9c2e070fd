import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { type AddressInfo, connect, createServer } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import type { ProgressEvent } from '../../../../shared/core/progress.ts';
import { type DrillOptions, runDrill } from '../../../../shared/jobs/drill/drill.ts';
import { chooseBackup } from '../../../../shared/jobs/restore/choose-backup.ts';
import { openScratch } from '../../../../shared/jobs/source/adapters.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { markText } from '../../../../shared/sources/scratch.ts';
import type { PostgresServer } from '../../../../tools/embedded-postgres.ts';
import { describeWithPart } from '../../../support/parts.ts';
import { ownPostgres } from '../../../support/postgres.ts';
import { backUp, never } from '../../../support/repository/engine.ts';
import { turns } from '../../../support/repository/torture.ts';
import { newFolder } from '../../../support/temporary.ts';
import { backUpUrl, newRepository } from '../../sources/postgres/target/round-trip.ts';

const it = turns(4);

const SHOP = `
  CREATE ROLE clerk;
  CREATE TABLE customer (id serial PRIMARY KEY, name text NOT NULL);
  CREATE INDEX customer_by_name ON customer (name);
  CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT 2 * n';
  ALTER TABLE customer OWNER TO clerk; GRANT SELECT ON customer TO clerk;
  INSERT INTO customer (name) SELECT 'c' || i FROM generate_series(1, 3000) i;
`;

/** Each drill starts pg_dump twice, and databases are made and dropped. */
const TIMEOUT_MS = 120_000;

let source: PostgresServer;
/** A fresh server: it has no role of the source's. */
let fresh: PostgresServer;
let repository: Repository;
let shop: Awaited<ReturnType<typeof backUpUrl>>['key'];

beforeAll(async () => {
  [source, fresh] = await Promise.all([ownPostgres(18), ownPostgres(18)]);
  repository = await newRepository();
  await source.createDatabase('shop');
  await source.query('shop', SHOP);
  shop = (await backUpUrl(repository, source.url('shop'))).key;
});
afterAll(async () => {
  await repository?.[Symbol.asyncDispose]();
  await Promise.all([source?.stop(), fresh?.stop()]);
});

const postgres = (url: string) => openScratch({ kind: 'postgres', url, options: {} }, {});

async function drillOn(server: PostgresServer, key = shop, options: Partial<DrillOptions> = {}) {
  const events: ProgressEvent[] = [];
  const result = await runDrill(repository, key, await postgres(server.url()), {
    signal: never,
    ...options,
    onProgress: (event) => {
      events.push(event);
      options.onProgress?.(event);
    },
  });
  const warnings = events.flatMap((event) => (event.kind === 'warning' ? [event.message] : []));
  const phases = events.flatMap((event) => (event.kind === 'phase' ? [event.phase] : []));
  return { ...result, warnings, phases };
}

async function databases(server: PostgresServer): Promise<string[]> {
  const { rows } = await server.query('postgres', 'SELECT datname FROM pg_database ORDER BY 1');
  return rows.map(({ datname }) => datname).filter((name) => name.startsWith('holdfast_drill'));
}

/** Makes the next restores go wrong by what happens when an object of that kind is made in a new database. */
async function spoilNewDatabases(server: PostgresServer, tag: string, statement: string): Promise<void> {
  await server.query(
    'template0',
    `CREATE FUNCTION public.spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN ${statement} END $$`,
  );
  await server.query(
    'template0',
    `CREATE EVENT TRIGGER spoil ON ddl_command_end WHEN TAG IN ('${tag}') EXECUTE FUNCTION public.spoil()`,
  );
}

async function withSpoiled<T>(
  server: PostgresServer,
  [tag, statement]: readonly [string, string],
  work: () => Promise<T>,
): Promise<T> {
  await server.query('postgres', 'ALTER DATABASE template0 ALLOW_CONNECTIONS true');
  await spoilNewDatabases(server, tag, statement);
  try {
    return await work();
  } finally {
    await server.query('template0', 'DROP EVENT TRIGGER spoil; DROP FUNCTION public.spoil()');
  }
}

describe('a drill', { timeout: TIMEOUT_MS }, () => {
  it('restores on the server of the source, compares all, drops the database, keeps the evidence', async () => {
    const drill = await drillOn(source);
    expect(drill).toMatchObject({
      outcome: 'equal',
      server: expect.stringMatching(/^PostgreSQL 18/),
      schema: { outcome: 'equal', missing: [], unexpected: [], changed: [] },
      removal: undefined,
      error: undefined,
    });
    expect(drill.comparison.map(({ dataset }) => dataset)).toEqual(['public.customer', 'sequence values']);
    expect(drill.restoreMs).toBeGreaterThan(0);
    expect(drill.warnings.join()).toContain('runs on the server of the source itself');
    expect(drill.phases).toEqual(
      expect.arrayContaining(['scratch', 'plan', 'write', 'compare', 'compare-schema', 'remove']),
    );
    expect(await databases(source)).toEqual([]);
    const marks = await repository.marks(never);
    expect(marks.of(shop).drill).toMatchObject({
      outcome: 'equal',
      records: 3001,
      schema: 'equal',
      datasets: 2,
      differentDatasets: 0,
      report: drill.report,
    });
    const { report } = await repository.reports.open(drill.report, new Date(), never);
    expect(JSON.stringify(report?.body)).not.toContain('customer');
    expect(JSON.stringify(await repository.reports.details(report!, never))).toContain('public.customer');
    expect(JSON.stringify(drill)).not.toContain(source.password);
  });

  it('works on a server without the roles, and says what it leaves out', async () => {
    const drill = await drillOn(fresh);
    expect(drill).toMatchObject({ outcome: 'equal', warnings: [] });
    expect(drill.leftOut.join()).toContain('owners and privileges: the server has no roles clerk');
  });

  it('works with a login that may make databases and nothing else', async () => {
    await source.query('postgres', "CREATE ROLE driller LOGIN CREATEDB PASSWORD 'x'");
    const url = source.url().replace(/\/\/.*@/, '//driller:x@');
    const drill = await runDrill(repository, shop, await postgres(url), { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal' });
    expect(drill.leftOut.join()).toContain('the login driller is not a superuser');
    await source.query('postgres', 'ALTER ROLE driller NOCREATEDB');
    const refused = await runDrill(repository, shop, await postgres(url), { signal: never });
    expect(refused).toMatchObject({
      outcome: 'failed',
      error: { code: 'E_SOURCE_DENIED', hint: expect.stringContaining('CREATEDB') },
    });
  });

  it('gives the database the encoding of the backup, and keeps it on request', async () => {
    await source.query('postgres', "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    await source.query('latin', "CREATE TABLE t AS SELECT 'é' AS x");
    await source.query('latin', 'CREATE PUBLICATION p FOR TABLE t');
    // Its slot is that of the live database: dropping the scratch database must not ask for it.
    await source.query(
      'latin',
      "CREATE SUBSCRIPTION s CONNECTION 'host=203.0.113.1' PUBLICATION p WITH (connect = false, slot_name = 'live')",
    );
    const latin = (await backUpUrl(repository, source.url('latin'))).key;
    expect(await drillOn(fresh, latin)).toMatchObject({ outcome: 'equal', removal: undefined, warnings: [] });
    const kept = await drillOn(fresh, latin, { keep: true });
    expect(kept).toMatchObject({ outcome: 'equal', removal: expect.stringContaining('DROP DATABASE') });
    const [name] = await databases(fresh);
    const { rows } = await fresh.query(name!, "SELECT x, current_setting('server_encoding') AS e FROM t");
    expect(rows).toEqual([{ x: 'é', e: 'LATIN1' }]);
    await drillOn(fresh);
    expect(await databases(fresh)).toEqual([name]);
    await fresh.query(name!, 'ALTER SUBSCRIPTION s SET (slot_name = NONE)');
    await fresh.query(name!, 'DROP SUBSCRIPTION s');
    await fresh.query('postgres', kept.removal!);
  });

  it('is different when the restored database is, in its schema or its rows, and names how', async () => {
    const spoils = [
      'DROP INDEX IF EXISTS public.customer_by_name;',
      'DROP FUNCTION IF EXISTS public.twice(int);',
      'ALTER TABLE public.customer DROP CONSTRAINT IF EXISTS customer_pkey;',
      'ALTER TABLE public.customer ALTER COLUMN name DROP NOT NULL;',
      'CREATE TABLE IF NOT EXISTS public.more (a int);',
      "UPDATE public.customer SET name = 'spoiled' WHERE id = 7;",
    ];
    const drill = await withSpoiled(source, ['CREATE INDEX', spoils.join(' ')], () => drillOn(source));
    expect(drill).toMatchObject({ outcome: 'different', removal: undefined });
    expect(drill.schema).toMatchObject({
      outcome: 'different',
      missing: expect.arrayContaining([
        'CONSTRAINT public.customer customer_pkey',
        'FUNCTION public.twice(integer)',
        'INDEX public.customer_by_name',
      ]),
      unexpected: expect.arrayContaining(['TABLE public.more']),
      changed: ['TABLE public.customer'],
    });
    expect(drill.comparison).toContainEqual(
      expect.objectContaining({ dataset: 'public.customer', equal: false, missing: 1, unexpected: 1 }),
    );
    expect((await repository.marks(never)).of(shop).drill).toMatchObject({
      outcome: 'different',
      schema: 'different',
      differentDatasets: 1,
    });
    expect(await databases(source)).toEqual([]);
  });

  it('is different when the schema alone is', async () => {
    const spoil = ['CREATE INDEX', 'DROP INDEX IF EXISTS public.customer_by_name;'] as const;
    const drill = await withSpoiled(source, spoil, () => drillOn(source));
    expect(drill).toMatchObject({ outcome: 'different', schema: { outcome: 'different' } });
    expect(drill.comparison.every(({ equal }) => equal)).toBe(true);
  });

  it('has failed, with a report, when the restore cannot be carried out', async () => {
    const spoil = ['CREATE TABLE', "RAISE EXCEPTION 'no room';"] as const;
    const drill = await withSpoiled(source, spoil, () => drillOn(source));
    expect(drill).toMatchObject({ outcome: 'failed', restoreMs: 0, error: { code: 'E_SOURCE_FAILED' } });
    expect((await repository.marks(never)).of(shop).drill).toMatchObject({
      outcome: 'failed',
      error: 'E_SOURCE_FAILED',
    });
    expect(await databases(source)).toEqual([]);
  });

  it('drops the database and reports nothing when it is stopped', async () => {
    const before = (await Array.fromAsync(repository.reports.read('drill', never))).length;
    const stop = new AbortController();
    const onProgress = ({ kind }: ProgressEvent) => (kind === 'done' ? stop.abort() : undefined);
    await expect(drillOn(fresh, shop, { signal: stop.signal, onProgress })).rejects.toMatchObject({
      code: 'E_ABORTED',
    });
    expect(await databases(fresh)).toEqual([]);
    expect(await Array.fromAsync(repository.reports.read('drill', never))).toHaveLength(before);
  });

  it('drops what killed drills of this repository left, and nothing else', async () => {
    const run = '0f3c9a12'.padEnd(32, '0');
    const name = 'holdfast_drill_20260301t020000_0f3c9a12';
    const mark = markText({ repository: repository.id, run });
    const others: readonly (readonly [string, string | null])[] = [
      ['holdfast_drill_20260301t020000_1f3c9a12', mark],
      ['holdfast_drill_20260301t020001_0f3c9a12', markText({ repository: 'f'.repeat(32), run })],
      ['holdfast_drill_20260301t020002_0f3c9a12', null],
      ['holdfast_drill_20260301t020003_0f3c9a12', 'mine'],
      ['holdfast_drill_mine', mark],
      ['mine', mark],
    ];
    for (const [made, comment] of [[name, mark] as const, ...others]) {
      await fresh.createDatabase(made);
      if (comment !== null) await fresh.query('postgres', `COMMENT ON DATABASE "${made}" IS '${comment}'`);
    }
    const { warnings } = await drillOn(fresh);
    expect(warnings.join()).toContain(`dropped ${name}`);
    expect(warnings.join()).toContain('holdfast_drill_20260301t020002_0f3c9a12 that looks like a drill');
    const { rows } = await fresh.query('postgres', 'SELECT datname FROM pg_database');
    const there = rows.map(({ datname }) => datname);
    expect(there).toEqual(expect.arrayContaining(others.map(([made]) => made)));
    expect(there).not.toContain(name);
    for (const [made] of others) await fresh.query('postgres', `DROP DATABASE "${made}"`);
  });

  it('leaves the database of a drill alone that goes on', async () => {
    let other: ReturnType<typeof drillOn> | undefined;
    const onProgress = (event: ProgressEvent) => {
      if (event.kind === 'phase' && event.phase === 'plan') other ??= drillOn(fresh);
    };
    const both = [await drillOn(fresh, shop, { onProgress }), await other!];
    expect(both.map(({ outcome }) => outcome)).toEqual(['equal', 'equal']);
    expect(both.flatMap(({ warnings }) => warnings)).toEqual([]);
  });

  it('writes nothing where a pooler leads to another database', async () => {
    const other = 'x'.repeat('holdfast_drill_20260301t020000_0f3c9a12'.length);
    await fresh.createDatabase(other);
    const pooler = createServer((client) => {
      const server = connect(fresh.port, '127.0.0.1');
      for (const socket of [client, server]) socket.on('error', () => undefined);
      client.once('data', (startup) => {
        const text = startup.toString('latin1').replace(/holdfast_drill_\d{8}t\d{6}_[0-9a-f]{8}/, other);
        server.write(Buffer.from(text, 'latin1'));
        client.pipe(server);
      });
      server.pipe(client);
    });
    await once(pooler.listen(0, '127.0.0.1'), 'listening');
    const { port } = pooler.address() as AddressInfo;
    const url = `${fresh.url().replace(`:${fresh.port}/`, `:${port}/`)}?sslmode=disable`;
    const drill = await runDrill(repository, shop, await postgres(url), { signal: never });
    pooler.close();
    expect(drill).toMatchObject({
      outcome: 'failed',
      error: {
        code: 'E_SOURCE_UNSUPPORTED',
        message: expect.stringContaining(`leads to the database ${other}`),
      },
    });
    expect(await databases(fresh)).toEqual([]);
    const { rows } = await fresh.query(other, "SELECT 1 FROM pg_class WHERE relname = 'customer'");
    expect(rows).toEqual([]);
  });

  it('refuses a server of another kind', async () => {
    const folder = await openScratch({ kind: 'files', url: await newFolder(), options: {} }, {});
    await expect(runDrill(repository, shop, folder, { signal: never })).rejects.toMatchObject({
      code: 'E_USAGE',
    });
  });
});

describe('a drill of files', () => {
  it('restores into a folder of its own and removes it', async () => {
    const { key } = await backUp(repository, { 'a.txt': 'one\ntwo\n', 'b.txt': '' });
    const folder = await newFolder();
    const server = await openScratch({ kind: 'files', url: folder, options: {} }, {});
    const drill = await runDrill(repository, key, server, { signal: never });
    expect(drill).toMatchObject({ outcome: 'equal', records: 2, schema: { outcome: 'none' } });
    expect(await readdir(folder)).toEqual([]);
    const kept = await runDrill(repository, key, server, { signal: never, keep: true });
    const [name = ''] = await readdir(folder);
    expect(kept.removal).toBe(`rm -r ${path.join(folder, name)}`);
    const nowhere = await openScratch({ kind: 'files', url: path.join(folder, 'no'), options: {} }, {});
    expect(await runDrill(repository, key, nowhere, { signal: never })).toMatchObject({
      outcome: 'failed',
      error: { code: 'E_SOURCE_DENIED' },
    });
  });
});

describe('the newest good backup', () => {
  it('is the newest whose last verification found no damage', async () => {
    const own = await newRepository();
    const newestGood = (source?: string) => chooseBackup(own, 'good', { source, signal: never });
    await expect(newestGood()).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
    const older = await backUp(own, { t: 'one\n' });
    const newer = await backUp(own, { t: 'two\n' });
    expect(await newestGood()).toBe(newer.key);
    const body = { depth: { kind: 'full' }, damaged: [newer.key], damagedPacks: [], findings: 1 };
    await own.reports.write('verify', { backups: [newer.key], body }, never);
    expect(await newestGood()).toBe(older.key);
    await expect(newestGood('other')).rejects.toMatchObject({
      code: 'E_NO_BACKUP',
    });
    await own[Symbol.asyncDispose]();
  });
});

describeWithPart('postgresql-15', 'a drill on a server of another major version', () => {
  it('compares by name where definitions are written differently, and still finds what is missing', {
    timeout: TIMEOUT_MS,
  }, async () => {
    const older = await ownPostgres(15);
    try {
      await older.createDatabase('shop');
      await older.query('shop', SHOP);
      const { key } = await backUpUrl(repository, older.url('shop'));
      const drill = await drillOn(fresh, key);
      expect(drill.outcome).toBe('equal');
      expect(['equal', 'names']).toContain(drill.schema?.outcome);
      const spoil = ['CREATE INDEX', 'DROP INDEX IF EXISTS public.customer_by_name;'] as const;
      const spoiled = await withSpoiled(fresh, spoil, () => drillOn(fresh, key));
      expect(spoiled).toMatchObject({
        outcome: 'different',
        schema: { missing: [expect.stringContaining('customer_by_name')] },
      });
    } finally {
      await older.stop();
    }
  });
});
