import { afterAll, beforeAll, onTestFinished } from 'vitest';
import {
  type PostgresOptions,
  parsePostgresOptions,
} from '../../../../../shared/sources/postgres/connection/options.ts';
import { PostgresSource } from '../../../../../shared/sources/postgres/source.ts';
import type { SourceView } from '../../../../../shared/sources/source.ts';
import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';
import { ownPostgres } from '../../../../support/postgres.ts';
import { never } from './reading.ts';

export interface Databases {
  readonly server: PostgresServer;
  /** A new database. @returns its connection string */
  make(sql: string): Promise<string>;
  /** Closed when the test ends. */
  open(url: string, pagesPerPartition?: number): Promise<SourceView>;
  optionsOf(url: string): PostgresOptions;
}

/** A server of PostgreSQL 18 for one file of tests. */
export function startDatabases(): Databases {
  let server: PostgresServer | undefined;
  let count = 0;
  beforeAll(async () => {
    server = await ownPostgres(18);
  });
  afterAll(() => server?.stop());
  const running = () => {
    if (server === undefined) throw new Error('the server runs while tests do');
    return server;
  };
  const optionsOf = (url: string) => parsePostgresOptions(url, {}, {});
  return {
    get server() {
      return running();
    },
    make: async (sql) => {
      const name = `db${++count}`;
      const url = await running().createDatabase(name);
      await running().query(name, sql);
      return url;
    },
    open: async (url, pagesPerPartition) => {
      const source = new PostgresSource(optionsOf(url), pagesPerPartition ? { pagesPerPartition } : {});
      const view = await source.open(never);
      onTestFinished(() => view[Symbol.asyncDispose]());
      return view;
    },
    optionsOf,
  };
}
