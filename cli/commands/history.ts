import { backupName } from '../../shared/core/backup-words.ts';
import { backupsOfOneSource, changesFor } from '../../shared/jobs/inside/one-source.ts';
import { type RowVersion, rowHistory } from '../../shared/jobs/inside/row-history.ts';
import { listBackups } from '../../shared/jobs/status/list.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural, time } from '../format.ts';
import { rowObject, valueText } from '../rows-text.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled } from '../style.ts';

const options = {
  dataset: { type: 'string', short: 'd' },
  key: { type: 'string', short: 'k', multiple: true },
  source: { type: 'string', short: 's' },
  moments: { type: 'boolean', default: false },
} as const;

/** `holdfast history`: a row, as all backups have it. */
export const history: Command = {
  options,
  help: `Usage: holdfast history --dataset NAME --key VALUE… [--source SOURCE] [--moments]

Shows every version of one row over all backups of a source, oldest first: the first backup that has it, and what
changed from then on. Of each backup, only what the one before it lacks is read.

  -d, --dataset NAME      the table or node
  -k, --key VALUE         the row's primary key; for a key of several columns, one --key for each, in their order
  -s, --source SOURCE     whose backups, by name; may be left out if the repository has only one source
      --moments           also what each transaction between backups made of it, from the stored changes of continuous
                          backup; all of these are read

${COMMON_HELP}
Examples:
  holdfast history -d public.orders --key 42
  holdfast history -d public.orders --key 42 --moments
  holdfast history -d public.order_lines --key 42 --key 3 --source shop --json

Exit status: 0 shown, even if no backup has the row; 10 no such dataset or source; 20 damaged.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    const { dataset, key: rowKey = [] } = values;
    if (dataset === undefined || rowKey.length === 0)
      throw usage('--dataset and --key are needed', 'Such as: holdfast history -d public.orders --key 42');
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const { repository, naming } = session;
    const all = await listBackups(repository, { naming, signal: io.signal });
    const backups = backupsOfOneSource(all, values.source, '--source').toReversed();
    const damaged = all.filter(({ state }) => state === 'damaged').length;
    if (damaged > 0) session.progress.say(`warning: ${plural(damaged, 'damaged backup')} left out`);
    const startedAt = new Map(backups.map((backup) => [backup.key, backup.startedAt]));
    const found = rowHistory(repository, {
      backups: backups.map(({ key }) => key),
      dataset,
      rowKey,
      changes: values.moments ? changesFor(backups[0]) : undefined,
      onWarning: (message) => session.progress.say(`warning: ${message}`),
      signal: io.signal,
    });
    const versions = await Array.fromAsync(found, (version) => ({
      ...version,
      startedAt: startedAt.get(version.key) ?? new Date(0),
    }));
    const document = {
      dataset,
      backups: backups.length,
      versions: versions.map(({ key, startedAt: at, moment, columns, row }) => ({
        key,
        startedAt: at,
        moment: moment ?? null,
        row: row && rowObject(columns, row),
      })),
    };
    await session.print(document, describe(versions, backups.length, session.screen));
    return 0;
  },
};

interface Version extends RowVersion {
  readonly startedAt: Date;
}

function describe(versions: readonly Version[], backups: number, screen: Screen): Styled {
  const lines = versions.map((version, i) => {
    const { moment, startedAt, key } = version;
    const said = moment
      ? `${time(new Date(moment.committedAt))}  transaction ${moment.transaction}`
      : `${time(startedAt)}  ${backupName(key)}`;
    return `${said}\n  ${whatChanged(versions[i - 1], version, screen)}\n`;
  });
  const isNowhere = versions.every(({ row }) => row === null);
  return isNowhere ? styled`None of ${String(backups)} backups has that row.\n` : styled`${lines.join('')}`;
}

function whatChanged(before: Version | undefined, { columns, row }: Version, screen: Screen): string {
  if (!row) return before ? 'removed' : 'not there';
  const was = before?.row;
  const old = before?.columns ?? [];
  const parts = columns.flatMap((column, i) => {
    const now = row[i] ?? null;
    const place = old.findIndex(({ name }) => name === column.name);
    const text = valueText(now, column, screen);
    if (!was || place < 0) return [`${column.name}: ${text}`];
    const then = was[place] ?? null;
    return then === now ? [] : [`${column.name}: ${valueText(then, column, screen)} -> ${text}`];
  });
  const gone = was ? old.filter(({ name }) => !columns.some((column) => column.name === name)) : [];
  return [...parts, ...gone.map(({ name }) => `${name}: the column is gone`)].join(', ');
}
