import { backupName, isWaiting } from '../../shared/core/backup-words.ts';
import { type AcceptResult, acceptBackups } from '../../shared/jobs/retention/accept.ts';
import { listBackups } from '../../shared/jobs/status/list.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { CommandSession } from '../session.ts';

const options = { reason: { type: 'string' }, ...KEY_OPTIONS } as const;
const MOST_KEYS = 100;

/** `holdfast accept`: says that suspect backups are as they should be. */
export const accept: Command = {
  options,
  help: `Usage: holdfast accept KEY… --reason TEXT

Confirms that suspect backups are as they should be. They count as good from then on: later backups of the source are
compared with them, and prune resumes. The decision and its reason are kept in the repository as a report. Look first:
holdfast show KEY.

      --reason TEXT       why; anybody who can read the store can read it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast accept latest --reason "the archive tables were dropped on purpose"
  holdfast accept daily_20260301 daily_20260302 --reason "old orders were moved to the warehouse"

Exit status: 0 accepted; 2 not suspect, or no reason; 10 no such backup; 11 KEY fits several; 12 key; 20 damaged.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, MOST_KEYS);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    if (positionals.length === 0 && ask.isPossible(io) && !(await isAnyWaiting(session))) {
      await session.report({ backups: [] }, 'No backup is waiting to be accepted.\n');
      return 0;
    }
    const keys = [];
    for (const text of positionals.length > 0 ? positionals : [undefined])
      keys.push(await session.backup(text, values, isWaiting));
    const reason = values.reason ?? (await ask.text(io, 'Why is it as it should be?'));
    if (reason === undefined) throw usage('--reason is missing', 'Say why: --reason "…".');
    const result = await acceptBackups(session.repository, [...new Set(keys)], { reason, signal: io.signal });
    await session.report(result, describe(result));
    return 0;
  },
};

async function isAnyWaiting({ repository, io }: CommandSession): Promise<boolean> {
  return (await listBackups(repository, { signal: io.signal })).some(isWaiting);
}

function describe({ backups, report }: AcceptResult): string {
  return `Accepted ${backups.map(backupName).join(', ')}; kept as ${report}\n`;
}
