import type { TLSSocket } from 'node:tls';
import type pg from 'pg';
import {
  type Check,
  type CheckOptions,
  differs,
  holds,
  runChecks,
  type SourceCheck,
  type SourceChecks,
} from '../source-checks.ts';
import { disconnect, query } from './connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './options.ts';
import { checkVersion, openSession } from './snapshot-session.ts';
import { PostgresSource } from './source.ts';

/** @throws E_CONFIG listing every problem */
export function openPostgresChecks(url: string, options: AdapterOptions, env: Environment): SourceChecks {
  return new PostgresChecks(parsePostgresOptions(url, options, env));
}

interface Look {
  readonly options: PostgresOptions;
  /** Set by the first check. */
  client: pg.Client | undefined;
}

class PostgresChecks implements SourceChecks {
  readonly kind = 'postgres';
  readonly name: string;
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    this.#options = options;
    this.name = postgresName(options);
  }

  async *run(options: CheckOptions): AsyncGenerator<SourceCheck> {
    const look: Look = { options: this.#options, client: undefined };
    try {
      yield* runChecks(CHECKS, look, options);
    } finally {
      if (look.client) await disconnect(look.client);
    }
  }
}

const CHECKS: readonly Check<Look>[] = [
  {
    name: 'reach',
    assumes: 'The server answers, and this login may connect.',
    neededFor: 'backup',
    follows: 'No backup can be made.',
    look: async (look, signal) => {
      look.client = await openSession(look.options, signal);
      const [row] = await ask<{ user: string }>(look, 'SELECT current_user::text AS user', signal);
      return holds(`as ${row?.user}`);
    },
  },
  {
    name: 'tls',
    assumes: 'The connection is encrypted, and the server has proved who it is.',
    neededFor: 'information',
    follows: 'Others on the network could read along, or answer in its place: set sslmode=verify-full.',
    needs: 'reach',
    look: async ({ client, options }) => {
      if (options.host.startsWith('/')) return holds('a socket of this machine');
      const { encrypted, authorized } = (client?.connection.stream ?? {}) as Partial<TLSSocket>;
      if (!encrypted) return differs('it is not encrypted');
      return authorized ? holds('by its certificate') : differs('encrypted, its certificate not checked');
    },
  },
  {
    name: 'version',
    assumes: 'The server is of a version that can be backed up.',
    neededFor: 'backup',
    follows: 'No backup can be made.',
    needs: 'reach',
    look: async (look, signal) => {
      const [row] = await ask<{ version: string; shown: string }>(
        look,
        "SELECT current_setting('server_version_num') AS version, current_setting('server_version') AS shown",
        signal,
      );
      checkVersion(Number(row?.version), row?.shown ?? '');
      return holds(`PostgreSQL ${row?.shown.split(' ')[0]}`);
    },
  },
  {
    name: 'snapshot',
    assumes: 'This login may export a snapshot and read every row of every table by it.',
    neededFor: 'backup',
    follows: 'No backup can be made.',
    needs: 'version',
    look: async ({ options }, signal) => {
      await using view = await new PostgresSource(options).open(signal);
      await view.check(signal);
      const tables = view.datasets.filter(({ kind }) => kind === 'data').length;
      return holds(`${tables} tables at ${view.position}`);
    },
  },
];

async function ask<Row extends pg.QueryResultRow>(
  { client }: Look,
  sql: string,
  signal: AbortSignal,
): Promise<readonly Row[]> {
  return client ? query<Row>(client, sql, signal) : [];
}
