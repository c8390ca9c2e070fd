import { backupName } from '../../shared/core/backup-words.ts';
import { type HoldResult, releaseBackup } from '../../shared/jobs/retention/hold.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { time } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { CommandSession } from '../session.ts';

const options = { reason: { type: 'string' }, ...KEY_OPTIONS } as const;

/** `holdfast release`: ends a hold. */
export const release: Command = {
  options,
  help: `Usage: holdfast release KEY --reason TEXT

Releases a held backup: retention decides on it again.

      --reason TEXT       why; kept in a report; anybody who can read the store can read it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast release 20260301 --reason "the audit is over"

Exit status: 0 released; 2 no reason; 10 no such backup, or it is not held; 11 KEY fits several; 12 key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    if (values.reason === undefined)
      throw usage('--reason is missing', 'Say why: --reason "the audit is over".');
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    const result = await releaseBackup(session.repository, key, { reason: values.reason, signal: io.signal });
    await session.report(result, describe(result) + (session.config.lock ? LEGAL_HOLDS : ''));
    return 0;
  },
};

/** If locks are configured. */
const LEGAL_HOLDS = 'Legal holds that `holdfast lock` added stay until: holdfast lock --end-holds\n';

function describe({ key, reason, before }: HoldResult): string {
  const was = before ? `It was held since ${time(before.at)}: ${before.reason}\n` : '';
  return `Released ${backupName(key)}: ${reason}\n${was}Retention decides on it again; to see how: holdfast prune --dry-run\n`;
}
