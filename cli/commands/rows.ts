import { csvRow } from '../../shared/core/csv.ts';
import { readRows } from '../../shared/jobs/inside/read-rows.ts';
import type { Fields, RowColumn } from '../../shared/sources/rows.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { table } from '../format.ts';
import { writeTexts } from '../io.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { limitOf, rowObject } from '../rows-text.ts';
import { CommandSession } from '../session.ts';

const FORMATS = ['table', 'csv', 'ndjson'] as const;
const DEFAULT_LIMIT = 100;

const options = {
  dataset: { type: 'string', short: 'd' },
  where: { type: 'string', short: 'w', multiple: true },
  columns: { type: 'string', short: 'c' },
  limit: { type: 'string', short: 'n' },
  format: { type: 'string', short: 'f' },
  ...KEY_OPTIONS,
} as const;

/** `holdfast rows`: looks into a backup. */
export const rows: Command = {
  options,
  help: `Usage: holdfast rows [KEY] --dataset NAME [--where CONDITION]… [--columns A,B] [--limit N] [--format ${FORMATS.join('|')}]

Shows rows of a backup without restoring it. Nothing is written to disk.

  -d, --dataset NAME      the table or node; may be left out if the backup has only one
  -w, --where CONDITION   only rows that meet it; may be repeated, then every condition must hold. A column, one of
                          = != < <= > >= ~ (contains), and a value; or a column and 'is null' or 'is not null'.
                          Numbers are compared as numbers, everything else as text. Put unusual column names in "quotes"
  -c, --columns A,B       only these columns, in this order
  -n, --limit N           at most N rows (default ${DEFAULT_LIMIT}), or all
  -f, --format FORMAT     table for people (default), csv with a header (NULL is empty, an empty text is ""), or ndjson;
                          values are text as the database writes it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast rows latest -d public.orders --where 'customer = 42' --where 'total >= 100'
  holdfast rows 20260301 -d public.customers -w "email ~ @example.org" -c id,email -f csv -n all

Exit status: 0 shown, even if no row fits; 10 no such backup or dataset; 20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const format = FORMATS.find((known) => known === (values.format ?? 'table'));
    if (!format) throw usage(`--format is '${values.format}'; allowed are ${FORMATS.join(', ')}`);
    const limit = limitOf(values.limit, DEFAULT_LIMIT);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    const reader = await session.repository.openBackup(key, io.signal);
    const { dataset, columns, ...found } = await readRows(reader, {
      dataset: values.dataset,
      where: values.where,
      columns: values.columns?.split(',').map((name) => name.trim()),
      onWarning: (message) => session.progress.say(`warning: ${message}`),
      signal: io.signal,
    });
    if (!session.isJson && format !== 'table') {
      await writeTexts(io.stdout, linesOf(upTo(found.rows(), limit), columns, format));
      return 0;
    }
    // One more tells whether there are more.
    const shown = await Array.fromAsync(upTo(found.rows(), limit + 1));
    const isCut = shown.length > limit;
    if (isCut) shown.pop();
    const document = { key, dataset, rows: shown.map((row) => rowObject(columns, row)), isCut };
    const cells = shown.map((row) => row.map((value) => (value ?? 'NULL').replaceAll('\n', '\\n')));
    const header = columns.map(({ name }) => name);
    await session.print(document, table(header, cells, session.screen));
    if (isCut) session.progress.say(`Only the first ${limit} rows are shown; --limit all shows all.`);
    return 0;
  },
};

async function* upTo(found: AsyncIterable<Fields>, limit: number): AsyncGenerator<Fields> {
  let count = 0;
  for await (const row of found) {
    yield row;
    if (++count === limit) return;
  }
}

async function* linesOf(
  found: AsyncIterable<Fields>,
  columns: readonly RowColumn[],
  format: 'csv' | 'ndjson',
): AsyncGenerator<string> {
  const line = (row: Fields) =>
    format === 'csv' ? csvRow(row) : `${JSON.stringify(rowObject(columns, row))}\n`;
  if (format === 'csv') yield line(columns.map(({ name }) => name));
  for await (const row of found) yield line(row);
}
