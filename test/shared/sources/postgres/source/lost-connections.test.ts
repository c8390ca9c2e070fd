import type pg from 'pg';
import { describe, expect, onTestFinished } from 'vitest';
import { connect, query } from '../../../../../shared/sources/postgres/connection/connection.ts';
import { copyOut } from '../../../../../shared/sources/postgres/copy/copy-out.ts';
import { turnOfAll } from '../../../../support/repository/torture.ts';
import { startDatabases } from './databases.ts';
import { datasetOf, never, readAll, session, startProxy, until } from './reading.ts';

const test = turnOfAll(3);

const databases = startDatabases();

describe('a connection that breaks', () => {
  const BIG =
    'CREATE TABLE big AS SELECT i, repeat(md5(i::text), 10) AS x FROM generate_series(1, 100000) i; CREATE TABLE small AS SELECT 1 AS x';
  const terminate = (which: string) =>
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast' AND ${which}`;

  test('in the middle of a table is an error, never a short table', async () => {
    const url = await databases.make(BIG);
    const view = await databases.open(url);
    const other = await session(url);
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, never)[Symbol.asyncIterator]();
    await rows.next();
    expect((await other.query(terminate("query LIKE 'COPY%'"))).rowCount).toBe(1);
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_SOURCE_LOST', details: { object: 'public.big' } });
    expect(await readAll(view, 'public.small')).toBe('1\n');
  });

  test('without a word from the server is an error too', async () => {
    const url = new URL(await databases.make(BIG));
    const proxy = await startProxy(databases.server.port);
    url.port = String(proxy.port);
    const view = await databases.open(url.href);
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, never)[Symbol.asyncIterator]();
    await rows.next();
    proxy.cut();
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('that held the snapshot fails every read and the check at the end', async () => {
    const url = await databases.make(BIG);
    const view = await databases.open(url);
    const other = await session(url);
    expect(await readAll(view, 'public.small')).toBe('1\n');
    await other.query(
      terminate(
        "state = 'idle in transaction' AND backend_xmin IS NOT NULL AND query NOT LIKE '%to_regclass%'",
      ),
    );
    await expect(readAll(view, 'public.small')).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    await expect(view.check(never)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('under pg_dump is an error', async () => {
    const url = await databases.make(BIG);
    const view = await databases.open(url);
    const other = await session(url);
    const { rows } = await other.query(
      "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast'",
    );
    const before = rows.map(({ pid }) => pid).join();
    let stopped = false;
    const killing = (async () => {
      const isPgDump = `application_name = 'holdfast' AND query <> '' AND pid NOT IN (${before})`;
      while (!stopped) if ((await other.query(terminate(isPgDump))).rowCount) return;
    })();
    await expect(readAll(view, 'pre-data')).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    stopped = true;
    await killing;
  });

  test('because we stopped it is a stop, at once, and the server is rid of it', async () => {
    const url = await databases.make(BIG);
    const view = await databases.open(url);
    const controller = new AbortController();
    const dataset = datasetOf(view, 'public.big');
    const rows = view.read(dataset, dataset.partitions[0]!, controller.signal)[Symbol.asyncIterator]();
    await rows.next();
    controller.abort();
    const rest = (async () => {
      while (!(await rows.next()).done);
    })();
    await expect(rest).rejects.toMatchObject({ code: 'E_ABORTED' });
    await until(
      await session(url),
      "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database())",
    );
    expect(await readAll(view, 'public.small')).toBe('1\n');
  });

  test('because we stopped pg_dump is a stop', async () => {
    const view = await databases.open(await databases.make(BIG));
    const controller = new AbortController();
    const dataset = datasetOf(view, 'pre-data');
    const reading = Array.fromAsync(view.read(dataset, dataset.partitions[0]!, controller.signal));
    setImmediate(() => controller.abort());
    await expect(reading).rejects.toMatchObject({ code: 'E_ABORTED' });
  });
});

describe('one session', () => {
  async function connected(): Promise<pg.Client> {
    const client = await connect(databases.optionsOf(databases.server.url()), never);
    onTestFinished(() => client.end().catch(() => undefined));
    return client;
  }

  test('is free for queries after a COPY', async () => {
    const client = await connected();
    const blocks = await Array.fromAsync(
      copyOut(client, 'COPY (SELECT generate_series(1, 3)) TO STDOUT', never, { object: 'x' }),
      (b) => Buffer.from(b).toString(),
    );
    expect(blocks).toEqual(['1\n2\n3\n']);
    expect(await query(client, 'SELECT 1 AS one', never)).toEqual([{ one: 1 }]);
  });

  test('goes on after its blocks were given away to another thread', async () => {
    const client = await connected();
    const rows = copyOut(client, 'COPY (SELECT generate_series(1, 100000)) TO STDOUT', never, {
      object: 'x',
    });
    let bytes = 0;
    for await (const block of rows) {
      bytes += block.length;
      structuredClone(block, { transfer: [block.buffer as ArrayBuffer] });
    }
    expect(bytes).toBe(588_895);
  });

  test('reports an error in the middle of a COPY with its SQLSTATE', async () => {
    const client = await connected();
    const rows = copyOut(
      client,
      'COPY (SELECT 1 / (5000 - i) FROM generate_series(1, 10000) i) TO STDOUT',
      never,
      { object: 'x' },
    );
    await expect(Array.fromAsync(rows)).rejects.toMatchObject({
      code: 'E_SOURCE_FAILED',
      details: { sqlState: '22012' },
    });
  });

  test('that is cut off in the middle of a COPY fails it', async () => {
    const proxy = await startProxy(databases.server.port);
    const url = new URL(databases.server.url());
    url.port = String(proxy.port);
    const client = await connect(databases.optionsOf(url.href), never);
    const rows = copyOut(
      client,
      'COPY (SELECT repeat(i::text, 100) FROM generate_series(1, 100000) i) TO STDOUT',
      never,
      { object: 'x' },
    );
    await rows.next();
    proxy.cut();
    await expect(Array.fromAsync(rows)).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  test('stops a running query when aborted, on the server too', async () => {
    const client = await connected();
    const controller = new AbortController();
    const sleeping = query(client, 'SELECT pg_sleep(600)', controller.signal);
    const other = await session(databases.server.url());
    await until(
      other,
      "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND wait_event = 'PgSleep'",
    );
    controller.abort();
    await expect(sleeping).rejects.toMatchObject({ code: 'E_ABORTED' });
    await until(
      other,
      "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep')",
    );
  });
});
