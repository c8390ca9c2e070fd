import { type BackupSummary, listBackups } from '../../shared/jobs/list.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { bytes, number, shortKey, table, time } from '../format.ts';
import { Session } from '../session.ts';
import { standing, verification } from '../standing.ts';

const options = { source: { type: 'string', short: 's' } } as const;

export const list: Command = {
  options,
  help: `Usage: holdfast list [TYPE] [--source TEXT]

Lists backups, newest first; of one TYPE, or of sources whose name contains TEXT; with what is suspect or held, and
the last verification of each. Works without the key, but then cannot tell a forged manifest or report from a real one.

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
    await session.print({ backups }, describe(backups, isFiltered, now));
    if (backups.length > 0) session.sayIfUnproven();
    return 0;
  },
};

function describe(backups: readonly BackupSummary[], isFiltered: boolean, now: Date): string {
  if (backups.length === 0 && isFiltered) return 'There is no such backup. All there are: holdfast list\n';
  if (backups.length === 0) return 'There are no backups yet. Make one with: holdfast backup\n';
  const rows = backups.map((backup) => [
    shortKey(backup.key),
    time(backup.startedAt),
    number(backup.records),
    bytes(backup.plainBytes),
    bytes(backup.storedBytes),
    standing(backup),
    verification(backup, now),
    backup.source.name + (backup.note ? `  "${backup.note}"` : ''),
  ]);
  const problems = backups.flatMap(({ problem }) => (problem ? [`damaged: ${problem}\n`] : []));
  return (
    table(['KEY', 'STARTED', 'RECORDS', 'SIZE', 'ADDED', 'STATE', 'VERIFIED', 'SOURCE'], rows) +
    problems.join('')
  );
}
