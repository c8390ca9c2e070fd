import pg from 'pg';
import { cellText } from '../../../cli/query-text.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { ResultValue } from '../../../shared/jobs/inside/query/messages.ts';
import { runQuery } from '../../../shared/jobs/inside/query/query.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { never } from '../repository/engine.ts';

/** What a query found, with its values as they are and as text. */
export interface Asked {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly values: readonly (readonly ResultValue[])[];
  readonly texts: readonly (readonly (string | null)[])[];
  readonly warnings: readonly string[];
}

/** Runs a query over backups. */
export async function ask(repository: Repository, keys: readonly BackupKey[], sql: string): Promise<Asked> {
  const readers = [];
  for (const key of keys) readers.push(await repository.openBackup(key, never));
  const warnings: string[] = [];
  await using result = await runQuery(readers, sql, {
    onWarning: (warning) => warnings.push(warning),
    signal: never,
  });
  const values = (await Array.fromAsync(result.rows())).flat();
  return { columns: result.columns, values, texts: values.map((row) => row.map(cellText)), warnings };
}

/** The rows of a query of PostgreSQL in its own text, in UTC. */
export async function postgresTexts(url: string, sql: string): Promise<(string | null)[][]> {
  const types = { getTypeParser: () => (text: string) => text };
  const client = new pg.Client({ connectionString: url, types: types as never, options: '-c timezone=UTC' });
  await client.connect();
  try {
    return (await client.query<(string | null)[]>({ text: sql, rowMode: 'array' })).rows;
  } finally {
    await client.end();
  }
}
