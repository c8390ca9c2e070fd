import { type BackupSummary, listBackups } from '../../shared/jobs/list.ts';
import { sourceNames } from '../../shared/jobs/source-names.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { age, bytes, number, shortestKey, shortKey, time } from '../format.ts';
import { Session } from '../session.ts';
import { standing, verification } from '../standing.ts';
import { type Look, type Screen, type Styled, styled } from '../style.ts';
import { renderTable } from '../table.ts';

const options = { source: { type: 'string', short: 's' } } as const;

export const list: Command = {
  options,
  help: `Usage: holdfast list [TYPE] [--source TEXT]

Lists backups, newest first; of one TYPE, or of sources whose name contains TEXT; with what is suspect or held, and
the last verification of each. On a terminal rows fit its width: keys without \`backup_\`, ages, names of the configuration;
a pipe gets everything. Works without the key, but then cannot tell a forged manifest or report from a real one.

  -s, --source TEXT       part of the source's name

${COMMON_HELP}
Examples:
  holdfast list
  holdfast list daily --json

Exit status: 0 listed, damaged ones too; 10 no repository.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    await using session = await Session.open({ ...values, source: undefined }, io);
    const backups = await listBackups(session.repository, {
      type: positionals[0],
      source: values.source,
      signal: io.signal,
    });
    const isFiltered = positionals[0] !== undefined || values.source !== undefined;
    const now = session.repository.clock.now();
    const names = await namesOf(session);
    const shown = { now, screen: session.screen, nameOf: (source: string) => names.get(source) ?? source };
    await session.print({ backups }, describe(backups, isFiltered, shown));
    if (backups.length > 0) session.sayIfUnproven();
    return 0;
  },
};

/** Names of the configuration by the databases that they are of. */
async function namesOf({ sources, io }: Session): Promise<ReadonlyMap<string, string>> {
  if (io.stdout.isTTY !== true) return new Map();
  const named = await sourceNames(sources, io.env);
  return new Map([...named].flatMap(([name, all]) => all.map((one) => [one, name])));
}

interface Shown {
  readonly now: Date;
  readonly screen: Screen;
  readonly nameOf: (source: string) => string;
}

function describe(backups: readonly BackupSummary[], isFiltered: boolean, shown: Shown): string | Styled {
  if (backups.length === 0 && isFiltered) return 'There is no such backup. All there are: holdfast list\n';
  if (backups.length === 0) return 'There are no backups yet. Make one with: holdfast backup\n';
  const isTerminal = shown.screen.width !== undefined;
  const problems = backups.flatMap(({ problem }) => (problem ? [`damaged: ${problem}\n`] : []));
  const rows = backups.map((backup) => [
    ...(isTerminal
      ? [shortestKey(backup.key), age(backup.startedAt, shown.now)]
      : [shortKey(backup.key), time(backup.startedAt)]),
    number(backup.records),
    bytes(backup.plainBytes),
    bytes(backup.storedBytes),
    standing(backup),
    verification(backup, shown.now),
    shown.nameOf(backup.source.name) + (backup.note ? `  "${backup.note}"` : ''),
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

/** What is wrong stands out; what is as it should be does not. */
function lookOf(cell: string): Look | undefined {
  if (/damaged/i.test(cell)) return 'red';
  if (/suspect(?! \(accepted)|misdated|unproven/.test(cell)) return 'yellow';
  if (/^whole|^(full|quick|part|new)/.test(cell)) return 'green';
  return cell === 'never' ? 'dim' : undefined;
}
