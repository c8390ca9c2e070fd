import { backupName } from '../../shared/core/backup-words.ts';
import { HoldfastError } from '../../shared/core/errors.ts';
import { nearest } from '../../shared/core/nearest.ts';
import { type BackupSummary, listBackups } from '../../shared/jobs/status/list.ts';
import { standing, verification } from '../backup-state.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { age, bytes, number, shortestKey, time } from '../format.ts';
import { CommandSession } from '../session.ts';
import { type Screen, type Styled, styled, type TextStyle } from '../style.ts';
import { renderTable } from '../table.ts';

const options = { source: { type: 'string', short: 's' } } as const;

/** `holdfast list`: backups, newest first. */
export const list: Command = {
  options,
  help: `Usage: holdfast list [TYPE] [--source SOURCE]

Lists backups, newest first, or those of one TYPE or SOURCE: which are suspect or held, and the last verification of
each. On a terminal rows fit its width, with short names and ages; a pipe gets everything. Works without the key,
but then cannot tell a forged manifest or report from a real one.

  -s, --source SOURCE     its full name in the configuration, or as the list shows it

${COMMON_HELP}
Examples:
  holdfast list
  holdfast list daily --json

Exit status: 0 listed, including damaged ones; 10 no repository.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const [type] = positionals;
    const { source } = values;
    const { repository, naming } = session;
    const all = await listBackups(repository, { type, naming, signal: io.signal });
    const backups = all.filter((one) => source === undefined || one.source.name === source);
    if (source !== undefined && backups.length === 0) refuseUnknown(source, session, all);
    const isFiltered = positionals[0] !== undefined || values.source !== undefined;
    const now = session.repository.clock.now();
    const shown = { now, screen: session.screen };
    await session.print({ backups }, describe(backups, isFiltered, shown));
    if (backups.length > 0) session.sayIfUnproven();
    return 0;
  },
};

/** @throws E_UNKNOWN_NAME unless the source is configured, without backups yet */
function refuseUnknown(source: string, { config }: CommandSession, all: readonly BackupSummary[]): void {
  const configured = config.sources.map(({ name }) => name);
  if (configured.includes(source)) return;
  const names = [...new Set([...configured, ...all.map((one) => one.source.name)])];
  const meant = nearest(source, names);
  const known = names.length === 0 ? 'There are no backups.' : `There are: ${names.join(', ')}.`;
  throw new HoldfastError('E_UNKNOWN_NAME', `there is no source '${source}'`, {
    hint: meant === undefined ? known : `Did you mean ${meant}? ${known}`,
  });
}

interface Shown {
  readonly now: Date;
  readonly screen: Screen;
}

function describe(backups: readonly BackupSummary[], isFiltered: boolean, shown: Shown): string | Styled {
  if (backups.length === 0 && isFiltered) return 'There is no such backup. To see all: holdfast list\n';
  if (backups.length === 0) return 'There are no backups yet. Make one with: holdfast backup\n';
  const isTerminal = shown.screen.width !== undefined;
  const problems = backups.flatMap(({ problem }) => (problem ? [`damaged: ${problem}\n`] : []));
  const rows = backups.map((backup) => [
    ...(isTerminal
      ? [shortestKey(backup.key), age(backup.startedAt, shown.now)]
      : [backupName(backup.key), time(backup.startedAt)]),
    number(backup.records),
    bytes(backup.plainBytes),
    bytes(backup.storedBytes),
    standing(backup),
    verification(backup, shown.now),
    backup.source.name + (backup.note ? `  "${backup.note}"` : ''),
  ]);
  const columns = [
    { title: 'KEY' },
    { title: isTerminal ? 'AGE' : 'STARTED' },
    { title: 'RECORDS', isNumber: true, leaveOut: 2 },
    { title: 'SIZE', isNumber: true },
    { title: 'ADDED', isNumber: true, leaveOut: 3 },
    { title: 'STATE', look: lookOf, least: 12 },
    { title: 'VERIFIED', look: lookOf, leaveOut: 1 },
    { title: 'SOURCE', least: 8 },
  ];
  return styled`${renderTable(columns, rows, shown.screen)}${problems.join('')}`;
}

/** Highlights what is wrong, and nothing else. */
function lookOf(cell: string): TextStyle | undefined {
  if (/damaged/i.test(cell)) return 'red';
  if (/suspect(?! \(accepted)|misdated|unproven/.test(cell)) return 'yellow';
  if (/^whole|^(full|quick|part|new)/.test(cell)) return 'green';
  return cell === 'never' ? 'dim' : undefined;
}
