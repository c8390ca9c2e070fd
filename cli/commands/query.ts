import path from 'node:path';
import { csvRow } from '../../shared/core/csv.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { writeOutputFile } from '../../shared/core/output-file.ts';
import type { ResultColumn, ResultValue } from '../../shared/jobs/inside/query/messages.ts';
import {
  MOST_QUERIED,
  type QueryOptions,
  type QueryResult,
  runQuery,
  writeQuery,
} from '../../shared/jobs/inside/query/query.ts';
import { QueryThread } from '../../shared/jobs/inside/query/query-thread.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { bytes, plural, table } from '../format.ts';
import { write, writeTexts } from '../io.ts';
import { cellText, memoryOf, rowJson } from '../query-text.ts';
import { limitOf } from '../rows-text.ts';
import { CommandSession, KEY_HELP, KEY_OPTIONS, refuseKeyFlags } from '../session.ts';

const FORMATS = ['table', 'csv', 'json', 'parquet'] as const;
type Format = (typeof FORMATS)[number];
const DEFAULT_LIMIT = 100;

const options = {
  limit: { type: 'string', short: 'n' },
  format: { type: 'string', short: 'f' },
  output: { type: 'string', short: 'o' },
  memory: { type: 'string' },
  ...KEY_OPTIONS,
} as const;

/** `holdfast query`: SQL over backups. */
export const query: Command = {
  options,
  help: `Usage: holdfast query KEY… "SELECT …" [--format ${FORMATS.join('|')}] [--output FILE] [--limit N] [--memory SIZE]

Runs one SQL statement on backups without restoring them. Only FILE is written to disk. It needs DuckDB beside Holdfast:
npm install @duckdb/node-api. Only the columns that the statement names are read, and only as many rows as it needs. The
first backup is called a, the second b, and so on: a.orders, or a.public.orders. With a single backup, orders or
public.orders is enough.

  -f, --format FORMAT     table for people (default), csv with a header (NULL is empty, an empty text is ""), json (an
                          array of objects), or parquet, which needs --output
  -o, --output FILE       must not exist; it appears only when it is complete
  -n, --limit N           at most N rows, or all (default: ${DEFAULT_LIMIT} in a table and with --json, all otherwise)
      --memory SIZE       what DuckDB may use, such as 512MiB or 4GiB (default 1GiB)
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast query latest "select customer, sum(total) from orders group by customer order by 2 desc limit 10"
  holdfast query 20260301 latest "select id from a.orders except select id from b.orders"
  holdfast query latest "select * from public.orders where paid" -f parquet -o paid.parquet

Exit status: 0 shown; 2 the SQL is wrong, or DuckDB missing; 10 no such backup or dataset; 11 the file exists;
20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, MOST_QUERIED + 1);
    const sql = positionals.at(-1);
    const words = positionals.slice(0, -1);
    if (sql === undefined || words.length === 0)
      throw usage(
        'a backup and a statement are needed',
        'Such as: holdfast query latest "select * from orders limit 10"',
      );
    const format = formatOf(values);
    if (words.length > 1) refuseKeyFlags(values);
    // It loads DuckDB while the backups are being opened.
    await using thread = new QueryThread(io.signal);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    session.repository.warmUp();
    const { keys, readers } = await openAll(session, words, words.length > 1 ? {} : values);
    const warnings: string[] = [];
    const how: QueryOptions = {
      memoryBytes: memoryOf(values.memory),
      onWarning: (warning) => warnings.push(warning),
      thread,
      signal: io.signal,
    };
    const sayWarnings = () => {
      for (const warning of warnings) session.progress.say(`warning: ${warning}`);
    };
    if (values.output !== undefined) {
      const output = path.resolve(io.cwd, values.output);
      const limit = limitOf(values.limit, Number.POSITIVE_INFINITY);
      const written = await writeOutputFile(output, { replace: false }, async (file) => {
        if (format === 'parquet') {
          await writeQuery(readers, { sql, file: file.end.path }, how);
          return file.writtenByOther();
        }
        await using result = await runQuery(readers, sql, how);
        for await (const text of texts(result, format, limit)) await file.write(Buffer.from(text));
        return file.end.at;
      });
      sayWarnings();
      await session.report(
        { backups: keys, format, output: values.output, bytes: written, warnings },
        `Wrote ${values.output}, ${bytes(written)}: plain data, readable only by its owner (0600)\n`,
      );
      return 0;
    }
    await using result = await runQuery(readers, sql, how);
    if (!session.isJson && format !== 'table') {
      const limit = limitOf(values.limit, Number.POSITIVE_INFINITY);
      await writeTexts(io.stdout, texts(result, format, limit));
      sayWarnings();
      return 0;
    }
    const limit = limitOf(values.limit, DEFAULT_LIMIT);
    const { rows, isCut } = await firstOf(result, limit);
    const { columns } = result;
    if (session.isJson) {
      session.progress.clear();
      const head = JSON.stringify({ backups: keys, columns, isCut, warnings }).slice(0, -1);
      const lines = rows.map((row) => rowJson(columns, row));
      await write(io.stdout, Buffer.from(`${head},"rows":[${lines.join(',')}]}\n`));
      return 0;
    }
    const cells = rows.map((row) => row.map((value) => (cellText(value) ?? 'NULL').replaceAll('\n', '\\n')));
    await session.print(
      {},
      table(
        columns.map(({ name }) => name),
        cells,
        session.screen,
      ),
    );
    if (isCut)
      session.progress.say(`Only the first ${plural(limit, 'row')} are shown; --limit all shows all.`);
    sayWarnings();
    return 0;
  },
};

/** The backups, in their order. */
async function openAll(
  session: CommandSession,
  words: readonly string[],
  of: Parameters<CommandSession['backup']>[1],
) {
  const keys: BackupKey[] = [];
  for (const word of words) keys.push(await session.backup(word, of));
  const readers: Awaited<ReturnType<CommandSession['repository']['openBackup']>>[] = [];
  for (const key of keys) readers.push(await session.repository.openBackup(key, session.io.signal));
  return { keys, readers };
}

function formatOf({
  format: given,
  output,
  limit,
}: Partial<Record<'format' | 'output' | 'limit', string>>): Format {
  const format = FORMATS.find((known) => known === (given ?? 'table'));
  if (!format) throw usage(`--format is '${given}'; allowed are ${FORMATS.join(', ')}`);
  if (format === 'table' && output !== undefined)
    throw usage(
      '--format table cannot be written to a file',
      'Give --format csv, json or parquet with --output.',
    );
  if (format === 'parquet' && output === undefined)
    throw usage('--format parquet needs a file', 'Give --output FILE.');
  if (format === 'parquet' && limit !== undefined)
    throw usage('--limit does not work with --format parquet', 'Write LIMIT into the statement.');
  return format;
}

type Row = readonly ResultValue[];

/** The first rows, and whether there are more. */
async function firstOf(
  result: QueryResult,
  limit: number,
): Promise<{ readonly rows: readonly Row[]; readonly isCut: boolean }> {
  const rows: Row[] = [];
  for await (const batch of result.rows()) {
    for (const row of batch) {
      if (rows.length === limit) return { rows, isCut: true };
      rows.push(row);
    }
  }
  return { rows, isCut: false };
}

async function* texts(
  result: QueryResult,
  format: 'table' | 'csv' | 'json' | 'parquet',
  limit: number,
): AsyncGenerator<string> {
  const { columns } = result;
  const line = format === 'csv' ? csvLine : rowJson;
  let count = 0;
  yield format === 'csv' ? csvRow(columns.map(({ name }) => name)) : '[';
  for await (const batch of result.rows()) {
    const rows = batch.slice(0, limit - count);
    const separator = (i: number) => (format === 'csv' ? '' : count + i === 0 ? '\n' : ',\n');
    yield rows.map((row, i) => `${separator(i)}${line(columns, row)}`).join('');
    count += rows.length;
    if (count >= limit) break;
  }
  if (format !== 'csv') yield count === 0 ? ']\n' : '\n]\n';
}

function csvLine(_columns: readonly ResultColumn[], row: Row): string {
  return csvRow(row.map(cellText));
}
