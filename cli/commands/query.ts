import { MOST_QUERIED } from '../../shared/jobs/inside/query/messages.ts';
import { QueryThread } from '../../shared/jobs/inside/query/query-thread.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { KEY_HELP, KEY_OPTIONS, refuseKeyFlags } from '../key-options.ts';
import { QUERY_FORMATS, type QueryFormat, SHOWN_ROWS } from '../query-text.ts';

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
  help: `Usage: holdfast query KEY… "SELECT …" [--format ${QUERY_FORMATS.join('|')}] [--output FILE] [--limit N] [--memory SIZE]

Runs one SQL statement on backups without restoring them. Only FILE is written to disk. It needs DuckDB beside Holdfast:
npm install @duckdb/node-api. Only the columns that the statement names are read, and only as many rows as it needs. The
first backup is called a, the second b, and so on: a.orders, or a.public.orders. With a single backup, orders or
public.orders is enough.

  -f, --format FORMAT     table for people (default), csv with a header (NULL is empty, an empty text is ""), json (an
                          array of objects), or parquet, which needs --output
  -o, --output FILE       must not exist; it appears only when it is complete
  -n, --limit N           at most N rows, or all (default: ${SHOWN_ROWS} in a table and with --json, all otherwise)
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
    // Loading DuckDB takes longest, so its thread starts before the rest of the command is loaded.
    await using thread = new QueryThread(io.signal);
    const { runStatement } = await import('../run-statement.ts');
    return await runStatement({ words, sql, format, values, thread }, io);
  },
};

function formatOf({
  format: given,
  output,
  limit,
}: Partial<Record<'format' | 'output' | 'limit', string>>): QueryFormat {
  const format = QUERY_FORMATS.find((known) => known === (given ?? 'table'));
  if (!format) throw usage(`--format is '${given}'; allowed are ${QUERY_FORMATS.join(', ')}`);
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
