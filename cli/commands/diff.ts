import { type DatasetDiff, diffBackups } from '../../shared/jobs/inside/diff.ts';
import type { RowChange } from '../../shared/jobs/inside/row-changes.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { write } from '../io.ts';
import { limitOf, rowObject, valueText } from '../rows-text.ts';
import { CommandSession } from '../session.ts';
import { paint, type Screen, Styled, styled, type TextStyle } from '../style.ts';

const options = {
  dataset: { type: 'string', short: 'd', multiple: true },
  limit: { type: 'string', short: 'n' },
  'exit-code': { type: 'boolean', default: false },
} as const;

const DEFAULT_LIMIT = 20;
const DIFFERENT = 1;

/** `holdfast diff`: what changed from one backup to another. */
export const diff: Command = {
  options,
  help: `Usage: holdfast diff FIRST SECOND [--dataset NAME]… [--limit N] [--exit-code]

Compares two backups row by row, without restoring either: rows that SECOND has more than FIRST (+), less (-), or
otherwise (~). Rows are matched by the primary key, if there is one. Columns that only one of them has are named, and
not compared. Only chunks are read that the two do not share.

  -d, --dataset NAME      only this dataset; may be repeated
  -n, --limit N           show at most N rows of each dataset (default ${DEFAULT_LIMIT}), or all; all are counted
      --exit-code         exit with ${DIFFERENT} if anything differs

FIRST and SECOND are KEYs, such as (part of) a name or latest:SOURCE.

${COMMON_HELP}
Examples:
  holdfast diff daily_20260301 latest
  holdfast diff 20260301 20260302 -d public.orders -n all --json

Exit status: 0 compared; ${DIFFERENT} different, with --exit-code; 10 no such backup or dataset; 20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 2);
    const [firstText, secondText] = positionals;
    if (firstText === undefined || secondText === undefined)
      throw usage('two backups are needed', '`holdfast list` shows them: holdfast diff FIRST SECOND');
    const limit = limitOf(values.limit, DEFAULT_LIMIT);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const first = await session.backup(firstText);
    const second = await session.backup(secondText);
    const open = (key: typeof first) => session.repository.openBackup(key, io.signal);
    const compared = diffBackups(await open(first), await open(second), {
      datasets: values.dataset,
      signal: io.signal,
    });
    const found: DatasetChanges[] = [];
    for await (const dataset of compared) {
      const changes = await changesOf(dataset, limit);
      if (!isSame(changes)) found.push(changes);
      if (!session.isJson && !isSame(changes)) {
        session.progress.clear();
        await write(io.stdout, describe(changes, session.screen));
      }
    }
    const equal = found.length === 0;
    if (session.isJson) await session.print({ first, second, equal, datasets: found.map(document) }, '');
    else if (equal) await session.report({}, 'The two backups hold the same.\n');
    return values['exit-code'] && !equal ? DIFFERENT : 0;
  },
};

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
