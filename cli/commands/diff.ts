import { csvRow } from '../../shared/core/csv.ts';
import { type DatasetDiff, diffVersions } from '../../shared/jobs/inside/diff.ts';
import { diffSql } from '../../shared/jobs/inside/diff-sql.ts';
import type { RowChange } from '../../shared/jobs/inside/row-changes.ts';
import type { Version } from '../../shared/jobs/inside/version.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { write, writeTexts } from '../io.ts';
import { limitOf, rowObject, valueText } from '../rows-text.ts';
import { CommandSession } from '../session.ts';
import { paint, type Screen, Styled, styled, type TextStyle } from '../style.ts';
import { openVersions } from '../versions.ts';

const FORMATS = ['table', 'csv', 'ndjson'] as const;
const options = {
  dataset: { type: 'string', short: 'd', multiple: true },
  limit: { type: 'string', short: 'n' },
  format: { type: 'string', short: 'f' },
  sql: { type: 'boolean', default: false },
  reverse: { type: 'boolean', default: false },
  'exit-code': { type: 'boolean', default: false },
} as const;

const DEFAULT_LIMIT = 20;
const DIFFERENT = 1;

/** `holdfast diff`: what changed from one backup to another, or to the database as it is now. */
export const diff: Command = {
  options,
  help: `Usage: holdfast diff FIRST SECOND [--dataset NAME]… [--limit N] [--format ${FORMATS.join('|')}] [--exit-code]
       holdfast diff FIRST SECOND --sql [--reverse] [--dataset NAME]…

Compares two backups, or a backup and the database as it is now, row by row, without restoring anything: rows that only
SECOND has (+), rows that only FIRST has (-), and rows that differ (~). Rows are matched by the primary key, if there is
one. Columns that only one of the two has are named, but not compared. Of two backups, only what they do not share is
read; of a database, every row.

  -d, --dataset NAME      only this dataset; may be repeated
  -n, --limit N           show at most N rows of each dataset (default ${DEFAULT_LIMIT}), or all; every row is counted
  -f, --format FORMAT     table for people (default); or every row as ndjson, which \`holdfast restore --rows\` can put
                          back, or as csv (one dataset; a changed row takes two lines)
      --sql               print statements that turn FIRST into SECOND, in one transaction, for the database's own client
      --reverse           with --sql: turn SECOND into FIRST instead
      --exit-code         exit with ${DIFFERENT} if anything differs

FIRST and SECOND are KEYs, such as (part of) a name or latest:SOURCE, or
  live                    the database that the other one is a backup of, as it is now
  live:SOURCE             another database: a name from the configuration, env:NAME, or a URL

${COMMON_HELP}
Examples:
  holdfast diff daily_20260301 latest
  holdfast diff latest live -d public.orders
  holdfast diff 20260301 20260302 -d public.orders -n all --json
  holdfast diff latest live -d public.orders --sql --reverse > mend.sql

Exit status: 0 compared; ${DIFFERENT} different, with --exit-code; 10 no such backup or dataset; 20 damaged; 30 database.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 2);
    const [firstText, secondText] = positionals;
    if (firstText === undefined || secondText === undefined)
      throw usage('two backups are needed', '`holdfast list` shows them: holdfast diff FIRST SECOND');
    const format = formatOf(values);
    const limit = limitOf(values.limit, DEFAULT_LIMIT);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    await using opened = await openVersions(session, firstText, secondText);
    const [first, second] = opened.versions;
    const about = { datasets: values.dataset, signal: io.signal };
    if (values.sql) {
      const onLeftOut = (what: string) => session.progress.say(`warning: ${what}`);
      const pair: readonly [Version, Version] = values.reverse ? [second, first] : [first, second];
      session.progress.clear();
      await writeTexts(session.io.stdout, diffSql(...pair, { ...about, onLeftOut }));
      return 0;
    }
    const compared = diffVersions(first, second, about);
    const isText = !session.isJson && format !== 'table';
    const found = isText ? [] : await showChanges(session, compared, limit);
    const isDifferent = isText ? await writeRows(session, compared, format) : found.length > 0;
    for (const version of opened.versions) await version.check(io.signal);
    if (!isText) await report(session, opened.names, found);
    return values['exit-code'] && isDifferent ? DIFFERENT : 0;
  },
};

/** @throws E_USAGE also for options that do not go together */
function formatOf(values: {
  readonly format?: string | undefined;
  readonly limit?: string | undefined;
  readonly sql?: boolean | undefined;
  readonly reverse?: boolean | undefined;
  readonly json?: boolean | undefined;
}): (typeof FORMATS)[number] {
  const format = FORMATS.find((known) => known === (values.format ?? 'table'));
  if (!format) throw usage(`--format is '${values.format}'; allowed are ${FORMATS.join(', ')}`);
  if (values.reverse && !values.sql) throw usage('--reverse needs --sql');
  if (values.sql && (values.format !== undefined || values.json || values.limit !== undefined))
    throw usage('--sql always prints all statements', 'Leave out --format, --json and --limit.');
  return format;
}

/** Those that differ. */
async function showChanges(
  session: CommandSession,
  compared: AsyncIterable<DatasetDiff>,
  limit: number,
): Promise<readonly DatasetChanges[]> {
  const found: DatasetChanges[] = [];
  for await (const dataset of compared) {
    const changes = await changesOf(dataset, limit);
    if (isSame(changes)) continue;
    found.push(changes);
    if (session.isJson) continue;
    session.progress.clear();
    await write(session.io.stdout, describe(changes, session.screen));
  }
  return found;
}

async function report(
  session: CommandSession,
  [first, second]: readonly [string, string],
  found: readonly DatasetChanges[],
): Promise<void> {
  const equal = found.length === 0;
  if (session.isJson) await session.print({ first, second, equal, datasets: found.map(document) }, '');
  else if (equal) await session.report({}, 'No differences.\n');
}

/** Every row as lines of text; says whether anything differs. @throws E_USAGE if csv would hold several datasets */
async function writeRows(
  session: CommandSession,
  compared: AsyncIterable<DatasetDiff>,
  format: 'csv' | 'ndjson',
): Promise<boolean> {
  let isDifferent = false;
  const lines = async function* () {
    let written: DatasetDiff | undefined;
    for await (const of of compared) {
      for await (const row of of.changes()) {
        if (format === 'ndjson') yield ndjsonLine(of, row);
        else yield csvHeader(of, written) + csvLines(row);
        written = of;
      }
      isDifferent ||= written === of || of.isIn !== 'both';
      isDifferent ||= of.addedColumns.length + of.removedColumns.length > 0;
    }
  };
  await writeTexts(session.io.stdout, lines());
  return isDifferent;
}

/** What is written before a row: names, if it is the first. */
function csvHeader(of: DatasetDiff, written: DatasetDiff | undefined): string {
  if (written === of) return '';
  if (!written) return csvRow(['change', 'version', ...of.columns.map(({ name }) => name)]);
  throw usage(
    'csv can hold only one dataset, and several differ',
    'Name one with --dataset, or use --format ndjson.',
  );
}

function csvLines({ change, before, after }: RowChange): string {
  const line = (version: string, row: RowChange['before']) => (row ? csvRow([change, version, ...row]) : '');
  return line('first', before) + line('second', after);
}

function ndjsonLine({ dataset, columns, key }: DatasetDiff, { change, before, after }: RowChange): string {
  const object = (row: RowChange['before']) => row && rowObject(columns, row);
  const all = object(before) ?? object(after) ?? {};
  const keyOf = Object.fromEntries(key.map((name) => [name, all[name] ?? null]));
  return `${JSON.stringify({ dataset, change, key: keyOf, before: object(before), after: object(after) })}\n`;
}

interface DatasetChanges {
  readonly diff: DatasetDiff;
  readonly counts: Readonly<Record<RowChange['change'], number>>;
  /** The first of them. */
  readonly rows: readonly RowChange[];
}

async function changesOf(of: DatasetDiff, limit: number): Promise<DatasetChanges> {
  const counts = { added: 0, removed: 0, changed: 0 };
  const rows: RowChange[] = [];
  for await (const row of of.changes()) {
    counts[row.change]++;
    if (rows.length < limit) rows.push(row);
  }
  return { diff: of, counts, rows };
}

function isSame({ diff: { isIn, addedColumns, removedColumns }, counts }: DatasetChanges): boolean {
  const columns = addedColumns.length + removedColumns.length;
  return isIn === 'both' && columns === 0 && Object.values(counts).every((count) => count === 0);
}

function document({ diff: { dataset, kind, isIn, columns, ...rest }, counts, rows }: DatasetChanges): object {
  const object = (row: RowChange['before']) => row && rowObject(columns, row);
  return {
    dataset,
    kind,
    isIn,
    key: rest.key,
    addedColumns: rest.addedColumns,
    removedColumns: rest.removedColumns,
    ...counts,
    rows: rows.map(({ change, before, after }) => ({
      change,
      before: object(before),
      after: object(after),
    })),
  };
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;
const LOOKS = { added: 'green', removed: 'red', changed: 'yellow' } as const satisfies Record<
  string,
  TextStyle
>;

function describe(changes: DatasetChanges, screen: Screen): Styled {
  const { diff: of, counts, rows } = changes;
  const total = counts.added + counts.removed + counts.changed;
  const facts = [
    ...(of.isIn === 'first' ? ['only in the first'] : of.isIn === 'second' ? ['only in the second'] : []),
    ...(of.addedColumns.length > 0 ? [`new columns: ${of.addedColumns.join(', ')}`] : []),
    ...(of.removedColumns.length > 0 ? [`columns gone: ${of.removedColumns.join(', ')}`] : []),
    ...(['added', 'removed', 'changed'] as const).flatMap((change) =>
      counts[change] > 0
        ? [`${plural(counts[change], of.kind === 'schema' ? 'line' : 'row')} ${change}`]
        : [],
    ),
  ];
  const lines = rows.map((row) => {
    const text = `  ${SIGNS[row.change]} ${rowText(of, row, screen)}`;
    return styled`${new Styled(paint(styled`${text}`.text, LOOKS[row.change], screen))}\n`.text;
  });
  const more = total > rows.length ? `  … ${total - rows.length} more; --limit all shows them\n` : '';
  return styled`${of.dataset}: ${facts.join('; ')}\n${new Styled(lines.join(''))}${more}`;
}

/** `id: 2, total: 10 -> 12`: the key, and of a changed row what changed. */
function rowText({ columns, key }: DatasetDiff, { before, after }: RowChange, screen: Screen): string {
  const text = (row: RowChange['before'], i: number) => {
    const column = columns[i];
    return column ? valueText(row?.[i] ?? null, column, screen) : '';
  };
  const parts = columns.flatMap(({ name }, i) => {
    if (!before || !after) return [`${name}: ${text(before ?? after, i)}`];
    if (key.includes(name)) return [`${name}: ${text(after, i)}`];
    return before[i] === after[i] ? [] : [`${name}: ${text(before, i)} -> ${text(after, i)}`];
  });
  return parts.join(', ');
}
