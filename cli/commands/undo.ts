import { backupName } from '../../shared/core/backup-words.ts';
import { changesOf } from '../../shared/jobs/changes/changes-of.ts';
import type { TransactionDataset, TransactionRow } from '../../shared/jobs/changes/undo/transaction-rows.ts';
import { planUndo, type UndoPlan, undoTransaction } from '../../shared/jobs/changes/undo/undo.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { findPlace } from '../load-config.ts';
import { continuousSource } from '../pitr-source.ts';
import { recordedCommand } from '../recorded.ts';
import { limitOf, valueText } from '../rows-text.ts';
import { CommandSession } from '../session.ts';
import type { Screen } from '../style.ts';

const options = {
  transaction: { type: 'string' },
  source: { type: 'string', short: 's' },
  to: { type: 'string', short: 't' },
  limit: { type: 'string' },
  'dry-run': { type: 'boolean', short: 'n', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
} as const;

const DEFAULT_LIMIT = 20;

/** `holdfast undo`: what a transaction did, and the reverse of it. */
export const undo: Command = {
  options,
  help: `Usage: holdfast undo --transaction ID [--source SOURCE] [--to TARGET] [--dry-run] [--limit N]

Shows what a transaction did, from the changes that continuous backup stored, and reverses it on the live database: it
removes the rows that were added, brings back the rows that were removed, and gives changed rows their old values. All of
that in one transaction, and only if every one of these rows is still as the transaction left it; otherwise nothing is
changed, and the rows are named.

      --transaction ID    as the server writes it (docs/guide/look-inside.md says where to find it)
  -s, --source SOURCE     whose transaction: a name from the configuration; may be left out if there is only one
  -t, --to TARGET         reverse it in another database with the same tables: a name, env:NAME or a URL
  -n, --dry-run           show what it did, and whether it can be reversed; change nothing
      --limit N           show at most N rows of each dataset (default ${DEFAULT_LIMIT}), or all; every row is reversed
  -y, --yes               do not ask

Not every kind of database can do this: docs/guide/look-inside.md says which. Old values come from the backup before the
transaction and the changes after it. A transaction that emptied a table (TRUNCATE), or changed one without a primary
key, is refused.

${COMMON_HELP}
Examples:
  holdfast undo --transaction 48151 --dry-run
  holdfast undo --transaction 48151 --source shop

Exit status: 0 shown, or reversed; 10 no stored change belongs to that transaction; 11 rows changed since, or a
constraint forbids it; 30 it cannot be reversed row by row, or the database failed.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const { transaction } = values;
    if (transaction === undefined)
      throw usage('--transaction is missing', 'Such as: holdfast undo --transaction 48151 --dry-run');
    const limit = limitOf(values.limit, DEFAULT_LIMIT);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const { repository, progress, config } = session;
    const source = continuousSource(values.source, config, io);
    const about = {
      transaction,
      source,
      changes: changesOf(source.place),
      place: {
        config: values.to === undefined ? source.place : findPlace(values.to, config, io),
        env: io.env,
      },
      onWarning: (message: string) => progress.say(`warning: ${message}`),
      signal: io.signal,
    };
    const plan = await planUndo(repository, about);
    const shown = document(plan, limit);
    const { screen } = session;
    if (values['dry-run']) {
      await session.print(shown, describe(plan, { verb: 'Would reverse', limit, screen }));
      return 0;
    }
    if (!session.isJson && values.quiet !== true)
      progress.say(describe(plan, { verb: 'Reverses', limit, screen }));
    if (plan.violations.length === 0 && plan.datasets.length > 0)
      await ask.confirmDestruction(io, `Reverse transaction ${transaction} in ${plan.target}?`, {
        yes: values.yes === true,
      });
    const noted = { kind: 'restore', backup: plan.base, target: plan.target } as const;
    const work = (signal: AbortSignal) => undoTransaction(repository, { ...about, signal });
    const done = await recordedCommand(session, noted, work, ({ datasets }) => ({
      records: countOf(datasets),
    }));
    await session.report(
      document(done, limit),
      `Reversed transaction ${transaction} in ${done.target}: ${plural(countOf(done.datasets), 'row')}\n`,
    );
    return 0;
  },
};

function countOf(datasets: readonly TransactionDataset[]): number {
  return datasets.reduce((sum, { rows }) => sum + rows.length, 0);
}

/** What the transaction did. */
function changeOf({ before, after }: TransactionRow): 'added' | 'removed' | 'changed' {
  if (before === null) return 'added';
  return after === null ? 'removed' : 'changed';
}

function document(plan: UndoPlan, limit: number): object {
  const { transaction, committedAt, base, target, datasets, violations, warnings } = plan;
  const object = (columns: readonly string[], row: TransactionRow['before']) =>
    row && Object.fromEntries(columns.map((name, i) => [name, row[i] ?? null]));
  return {
    transaction,
    committedAt,
    base,
    target,
    datasets: datasets.map(({ dataset, columns, key, rows }) => ({
      dataset,
      key: key.map((place) => columns[place]),
      ...counts(rows),
      rows: rows.slice(0, limit).map((row) => ({
        change: changeOf(row),
        before: object(columns, row.before),
        after: object(columns, row.after),
      })),
    })),
    violations,
    warnings,
  };
}

function counts(rows: readonly TransactionRow[]) {
  const found = { added: 0, removed: 0, changed: 0 };
  for (const row of rows) found[changeOf(row)]++;
  return found;
}

interface How {
  readonly verb: string;
  readonly limit: number;
  readonly screen: Screen;
}

function describe(plan: UndoPlan, { verb, limit, screen }: How): string {
  const { transaction, committedAt, base, target, datasets, violations, warnings } = plan;
  const lines = [
    `${verb} transaction ${transaction} in ${target}`,
    `committed at ${committedAt}, after ${backupName(base)}; what it did:`,
    ...(datasets.length === 0 ? ['  it changed no row that is backed up'] : []),
    ...datasets.flatMap((of) => describeDataset(of, limit, screen)),
    ...(violations.length > 0 ? ['In the way (nothing is written):'] : []),
    ...violations.map((text) => `  ${text}`),
    ...warnings.map((text) => `warning: ${text}`),
  ];
  return `${lines.join('\n')}\n`;
}

const SIGNS = { added: '+', removed: '-', changed: '~' } as const;

/** What the transaction did, as `diff` writes it. */
function describeDataset(
  { dataset, columns, key, rows }: TransactionDataset,
  limit: number,
  screen: Screen,
): string[] {
  const facts = Object.entries(counts(rows)).flatMap(([change, count]) =>
    count > 0 ? [`${plural(count, 'row')} ${change}`] : [],
  );
  const text = (value: string | null | undefined) =>
    valueText(value ?? null, { name: '', type: '', isNumber: false }, screen);
  const parts = ({ before, after }: TransactionRow) =>
    columns.flatMap((name, i) => {
      if (!before || !after || key.includes(i)) return [`${name}: ${text((after ?? before)?.[i])}`];
      return before[i] === after[i] ? [] : [`${name}: ${text(before[i])} -> ${text(after[i])}`];
    });
  const more = rows.length > limit ? [`  … ${rows.length - limit} more; --limit all shows them`] : [];
  return [
    `${dataset}: ${facts.join('; ')}`,
    ...rows.slice(0, limit).map((row) => `  ${SIGNS[changeOf(row)]} ${parts(row).join(', ')}`),
    ...more,
  ];
}
