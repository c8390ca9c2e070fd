import { type QuarantineResult, quarantineObject } from '../../shared/jobs/repair/quarantine.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { CommandSession, KEY_HELP, KEY_OPTIONS } from '../session.ts';

const options = { reason: { type: 'string' }, ...KEY_OPTIONS } as const;

export const quarantine: Command = {
  options,
  help: `Usage: holdfast quarantine OBJECT --reason TEXT

Puts aside a manifest or a report that cannot be relied on: damaged, forged, sealed under a key that nobody knows. Until
then prune keeps every pack that it may name, and every backup that it may hold, and rekey refuses. OBJECT is its whole key,
as verify, prune and rekey name it. Look at it first: if it was yours, bring it back from a copy or an older version
instead. What Holdfast wrote and can be read is refused.

It stays stored: the next prune takes a manifest out of the list, as any other that retention does not keep.

      --reason TEXT       what you found; kept in a report; everyone who can read the store can read it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast quarantine backups/daily/20260301/backup_daily_20260301_000000.json --reason "under a KMS key of nobody's"

Exit status: 0 put aside; 2 no reason, or it can be relied on; 10 no such object; 12 key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const [object] = positionals;
    if (object === undefined)
      throw usage('OBJECT is missing', 'Give its key, as `holdfast verify --all` names it.');
    if (values.reason === undefined)
      throw usage('--reason is missing', 'Say what you found: --reason "forged".');
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const result = await quarantineObject(session.repository, object, {
      reason: values.reason,
      signal: io.signal,
    });
    await session.report(result, describe(result));
    return 0;
  },
};

function describe({ object, problem, reason }: QuarantineResult): string {
  return `Put aside ${object}: ${reason}
It was: ${problem}
It counts for nothing from now on, as long as it is not changed. See what prune does now: holdfast prune --dry-run
`;
}
