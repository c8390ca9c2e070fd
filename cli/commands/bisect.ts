import { backupName } from '../../shared/core/backup-words.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { type BisectResult, bisect as findBreak } from '../../shared/jobs/inside/bisect/bisect.ts';
import { backupsOfOneSource } from '../../shared/jobs/inside/one-source.ts';
import { listBackups } from '../../shared/jobs/status/list.ts';
import { pluginNamed } from '../../shared/sources/registry.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural, table, time } from '../format.ts';
import { cellText, memoryOf, rowJson } from '../query-text.ts';
import { CommandSession } from '../session.ts';

const options = {
  check: { type: 'string', short: 'c' },
  all: { type: 'boolean', default: false },
  memory: { type: 'string' },
} as const;

/** `holdfast bisect`: when a check began to fail. */
export const bisect: Command = {
  options,
  help: `Usage: holdfast bisect [SOURCE] --check "SELECT …" [--all] [--memory SIZE]

Finds the first backup of a source in which a check fails. It halves the list of backups each time: of 1,000 it checks
about 10. If the changes between backups are stored and can be read row by row (docs/guide/look-inside.md), it then finds
the transaction that broke it. Nothing is restored: the statement runs on the backups with DuckDB, which must be
installed beside Holdfast (\`holdfast help query\`).

  -c, --check STATEMENT   fails if it returns a row: "select * from orders where total < 0"; or, if its only column is a
                          boolean, if that is not true: "select count(*) > 0 from customers"
      --all               check every backup: also finds what broke, was mended, and broke again
      --memory SIZE       what DuckDB may use, such as 512MiB or 4GiB (default 1GiB)

SOURCE is a name; it may be left out if the repository has only one. Backups without the tables or columns of the check
are skipped. If a check failed and held again later, the result says so: it is then one of several such places, and --all
finds the first.

${COMMON_HELP}
Examples:
  holdfast bisect shop --check "select * from orders where total < 0"
  holdfast bisect --check "select count(*) = 0 from orders o left join customers c on c.id = o.customer where c.id is null"

Exit status: 0 searched, whatever was found; 2 the SQL is wrong, or DuckDB is missing; 10 no backup; 20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const { check } = values;
    if (check === undefined)
      throw usage('--check is missing', 'Such as: --check "select * from orders where total < 0"');
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const { repository, naming, progress } = session;
    const all = await listBackups(repository, { naming, signal: io.signal });
    const backups = backupsOfOneSource(all, positionals[0], 'SOURCE').toReversed();
    const damaged = all.filter(({ state }) => state === 'damaged').length;
    if (damaged > 0) progress.say(`warning: ${plural(damaged, 'damaged backup')} left out`);
    const result = await findBreak(repository, {
      backups: backups.map(({ key }) => key),
      check,
      isAll: values.all === true,
      memoryBytes: memoryOf(values.memory),
      changes: pluginNamed(backups[0]?.source.kind ?? '')?.changes,
      onChecked: ({ key, outcome }) => progress.say(`${backupName(key)}: ${outcome}`),
      signal: io.signal,
    });
    const startedAt = new Map(backups.map((backup) => [backup.key, backup.startedAt]));
    const source = backups[0]?.source.name ?? '';
    await session.print(
      document(result, { check, source, startedAt }),
      `${describe(result, { source, startedAt })}${rowsText(result)}`,
    );
    for (const warning of result.warnings) progress.say(`warning: ${warning}`);
    return 0;
  },
};

interface About {
  readonly source: string;
  readonly startedAt: ReadonlyMap<BackupKey, Date>;
}

function document(
  result: BisectResult,
  { check, source, startedAt }: About & { readonly check: string },
): object {
  const { backups, holds, fails, isMonotone, transaction, warnings } = result;
  const failed = result.checked.find(({ key }) => key === fails);
  return {
    source,
    check,
    backups,
    checked: result.checked.map(({ key, outcome, why }) => ({
      key,
      startedAt: startedAt.get(key),
      outcome,
      why: why ?? null,
    })),
    holds,
    fails,
    isMonotone,
    transaction,
    rows: (failed?.rows ?? []).map((row) => JSON.parse(rowJson(failed?.columns ?? [], row)) as object),
    warnings,
  };
}

function describe(result: BisectResult, { source, startedAt }: About): string {
  const { backups, checked, holds, fails, isMonotone, transaction } = result;
  const named = (key: BackupKey) => `${backupName(key)} (${time(startedAt.get(key) ?? new Date(0))})`;
  const asked = `${checked.length} of ${plural(backups, 'backup')} checked`;
  if (fails === null)
    return `The check holds in the newest backup; ${asked}.\n${isMonotone ? '' : `${COMES_AND_GOES}\n`}`;
  const lines = [
    holds === null
      ? 'The check fails already in the oldest backup that could be checked:'
      : `The check holds in ${named(holds)}`,
    `${holds === null ? '' : 'and fails in '}${named(fails)}; ${asked}.`,
    ...(isMonotone ? [] : [COMES_AND_GOES]),
    ...(transaction
      ? [
          `It fails after transaction ${transaction.id}, committed at ${transaction.committedAt},`,
          `one of ${plural(transaction.of, 'transaction')} in between.`,
          ...(transaction.isMonotone
            ? []
            : [
                'Between the two backups it failed and held again: this is one of several such transactions.',
              ]),
          `  see what it did:  holdfast undo --transaction ${transaction.id} --source ${source} --dry-run`,
        ]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

const COMES_AND_GOES =
  'The check failed in one backup and held in a later one, so there are several such places; --all checks every backup.';

function rowsText({ checked, fails }: BisectResult): string {
  const failed = checked.find(({ key }) => key === fails);
  if (!failed || failed.rows.length === 0) return '';
  const cells = failed.rows.map((row) =>
    row.map((value) => (cellText(value) ?? 'NULL').replaceAll('\n', '\\n')),
  );
  return `What the check found there:\n${table(
    failed.columns.map(({ name }) => name),
    cells,
  )}`;
}
