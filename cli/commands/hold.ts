import { backupName } from '../../shared/core/backup-words.ts';
import { type HoldResult, holdBackup } from '../../shared/jobs/retention/hold.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { time } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { CommandSession } from '../session.ts';

const options = { reason: { type: 'string' }, ...KEY_OPTIONS } as const;

/** `holdfast hold`: keeps a backup whatever retention says. */
export const hold: Command = {
  options,
  help: `Usage: holdfast hold KEY --reason TEXT

Keeps a backup, whatever retention says, until \`holdfast release\`. Holding it again changes the reason.

      --reason TEXT       why; kept in a report; anybody who can read the store can read it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast hold latest --reason "before the migration"
  holdfast hold 20260301 --reason audit

Exit status: 0 held; 2 no reason; 10 no such backup; 11 KEY fits several; 12 key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    if (values.reason === undefined) throw usage('--reason is missing', 'Say why: --reason "audit of 2026".');
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    const result = await holdBackup(session.repository, key, { reason: values.reason, signal: io.signal });
    await session.report(result, describe(result) + (session.config.lock ? LEGAL_HOLDS : ''));
    return 0;
  },
};

/** If locks are configured. */
const LEGAL_HOLDS = 'To stop others from removing it too, add legal holds: holdfast lock\n';

function describe({ key, reason, before }: HoldResult): string {
  const changed = before ? `It was already held, since ${time(before.at)}: ${before.reason}\n` : '';
  return `Held ${backupName(key)}: ${reason}
${changed}Prune keeps it until: holdfast release ${backupName(key)} --reason TEXT
`;
}
