import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import type { SourceView } from '../../../../shared/sources/source.ts';
import type { MariadbServer } from '../../../../tools/mariadb-server.ts';
import { never } from '../../../support/repository/engine.ts';

export const ACCOUNTS = 40;
export const TABLES = ['north', 'south', 'west'] as const;
const EACH = 1000;
export const TOTAL = totalOf(TABLES);

/** All money in accounts of that many tables. */
export function totalOf(tables: readonly string[]): number {
  return ACCOUNTS * tables.length * EACH;
}

/** Accounts in several tables; all money together is always the same. */
export async function makeAccounts(
  server: MariadbServer,
  database: string,
  tables: readonly string[] = TABLES,
): Promise<void> {
  const rows = Array.from({ length: ACCOUNTS }, (_, i) => `(${i}, ${EACH})`).join(', ');
  const made = tables.map(
    (name) => `CREATE TABLE ${name} (id INT PRIMARY KEY, amount INT); INSERT INTO ${name} VALUES ${rows}`,
  );
  await server.query(undefined, `DROP DATABASE IF EXISTS ${database}; CREATE DATABASE ${database}`);
  await server.query(database, made.join('; '));
}

/**
 * Moves money between tables, one transaction after the other on several connections, until it is disposed of.
 *
 * @param options.pauseMs between two transactions of one connection
 * @param options.connections that do it at once
 */
export async function moveMoney(
  server: MariadbServer,
  database: string,
  {
    tables = TABLES,
    pauseMs = 0,
    connections = 2,
  }: { readonly tables?: readonly string[]; readonly pauseMs?: number; readonly connections?: number } = {},
): Promise<AsyncDisposable & { readonly moved: () => number }> {
  const clients = await Promise.all(Array.from({ length: connections }, () => server.connect(database)));
  let isOn = true;
  let moved = 0;
  const run = async (client: Connection, seed: number) => {
    for (let i = seed; isOn; i += 7) {
      const [from, to] = [i, i + 1 + (i % 2)].map((at) => tables[at % tables.length]);
      const [a, b] = [i % ACCOUNTS, (i * 13) % ACCOUNTS];
      await client
        .query(
          `START TRANSACTION; UPDATE ${from} SET amount = amount - 1 WHERE id = ${a}; UPDATE ${to} SET amount = amount + 1 WHERE id = ${b}; COMMIT`,
        )
        .then(() => moved++)
        .catch(() => client.query('ROLLBACK'));
      if (pauseMs > 0) await delay(pauseMs);
    }
  };
  const running = clients.map((client, i) => run(client, i));
  return {
    moved: () => moved,
    [Symbol.asyncDispose]: async () => {
      isOn = false;
      await Promise.all(running);
      for (const client of clients) await client.end();
    },
  };
}

/** All money that a view shows, read by as many sessions as it has. */
export async function sumOf(view: SourceView): Promise<number> {
  const parts = view.datasets
    .filter(({ kind }) => kind === 'data')
    .flatMap((dataset) => dataset.partitions.map((partition) => ({ dataset, partition })));
  const sums = await Promise.all(
    parts.map(async ({ dataset, partition }) => {
      const blocks: Buffer[] = [];
      for await (const block of view.read(dataset, partition, never)) blocks.push(Buffer.from(block));
      const lines = Buffer.concat(blocks).toString().split('\n').slice(0, -1);
      return lines.reduce((sum, line) => sum + Number(line.split('\t')[1]), 0);
    }),
  );
  return sums.reduce((sum, one) => sum + one, 0);
}
