import pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import type { ChangeSetupOptions, ReplayUntil } from '../../../../../shared/sources/changes.ts';
import { openPostgresSetup } from '../../../../../shared/sources/postgres/changes/setup.ts';
import { openPostgresChanges } from '../../../../../shared/sources/postgres/changes/stream.ts';
import { openPostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres, type PostgresVersion } from '../../../../support/postgres.ts';
import { never } from '../source/reading.ts';
import { type Base, Chain, type ReplayResult, replay, STREAMING } from './world.ts';

/** A database that is set up, and a copy of it that the server itself made, with where that joins the stream. */
export interface Story {
  readonly name: string;
  readonly url: string;
  readonly target: string;
  readonly targetUrl: string;
  readonly chain: Chain;
  readonly join: Base['join'];
  /** Runs statements in the source, as one transaction if there are several in a text. */
  run(...statements: readonly string[]): Promise<void>;
  /** Stores what is new. */
  poll(mostBytes?: number): Promise<void>;
  /** Polls and replays into the copy. */
  replay(until?: ReplayUntil): Promise<ReplayResult>;
  /** Both hold the same, as the server says. */
  expectSame(...tables: readonly string[]): Promise<void>;
}

export interface Stories {
  readonly server: PostgresServer;
  tell(sql: string, options?: ChangeSetupOptions): Promise<Story>;
}

/** One server for the stories of a file. */
export function startStories(
  version: PostgresVersion,
  settings: Readonly<Record<string, string>> = {},
): Stories {
  let server: PostgresServer | undefined;
  let count = 0;
  const running = () => {
    if (!server) throw new Error('the server runs while tests do');
    return server;
  };
  beforeAll(async () => {
    server = await ownPostgres(version, { settings: { ...STREAMING, ...settings } });
  });
  afterAll(() => server?.stop());
  return {
    get server() {
      return running();
    },
    tell: (sql, options = {}) => tell(running(), `story${++count}`, sql, options),
  };
}

async function tell(
  server: PostgresServer,
  name: string,
  sql: string,
  options: ChangeSetupOptions,
): Promise<Story> {
  const url = await server.createDatabase(name);
  await server.query(name, sql);
  {
    await using setup = openPostgresSetup(url, {}, {});
    await setup.setUp(options, never);
  }
  const chain = new Chain(url);
  {
    await using source = openPostgresChanges(url, {}, {});
    await chain.begin(source);
  }
  const join = await joinNow(url);
  const target = `${name}_target`;
  await copyDatabase(server, name, target);
  const poll = async (mostBytes?: number) => {
    await using source = openPostgresChanges(url, {}, {});
    await chain.poll(source, { ...(mostBytes ? { mostBytes } : {}), most: Number.POSITIVE_INFINITY });
  };
  return {
    name,
    url,
    target,
    targetUrl: server.url(target),
    chain,
    join,
    run: async (...statements) => {
      for (const statement of statements) await server.query(name, statement);
    },
    poll,
    replay: async (until) => {
      await poll();
      return replay(chain, { join }, server.url(target), until);
    },
    expectSame: async (...tables) => {
      for (const table of tables)
        expect(await contents(server, target, table), table).toEqual(await contents(server, name, table));
    },
  };
}

/** What a base that is taken now would have. */
export async function joinNow(url: string): Promise<Base['join']> {
  await using view = await openPostgresSource(url, {}, {}).open(never, { isBase: true });
  if (!view.join) throw new Error('there is no join');
  return view.join;
}

/** Sessions that are ending keep a database from being copied for a moment. */
async function copyDatabase(server: PostgresServer, from: string, to: string): Promise<void> {
  for (;;) {
    try {
      await server.query('postgres', `create database ${to} template ${from}`);
      return;
    } catch (error) {
      if (!(error instanceof pg.DatabaseError) || error.code !== '55006') throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

export async function contents(
  server: PostgresServer,
  database: string,
  table: string,
): Promise<readonly string[]> {
  const { rows } = await server.query(
    database,
    `select t::text as row from ${table} t order by t::text collate "C"`,
  );
  return rows.map(({ row }) => row);
}
