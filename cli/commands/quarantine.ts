import { type QuarantineResult, quarantineObject } from '../../shared/jobs/repair/quarantine.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { CommandSession } from '../session.ts';

const options = { reason: { type: 'string' }, ...KEY_OPTIONS } as const;

/** `holdfast quarantine`: puts an object aside that stops prunes. */
export const quarantine: Command = {
  options,
  help: `Usage: holdfast quarantine OBJECT --reason TEXT

Puts aside a manifest or a report that cannot be trusted: damaged, forged, or sealed under a key that nobody knows. Until
then prune keeps every pack that it may name and every backup that it may hold, and rekey refuses. OBJECT is its full path,
as verify, prune and rekey show it. Look at it first: if it was yours, restore it from a copy or an older version
instead. Readable objects that Holdfast wrote are refused.

It stays stored: the next prune unlists a manifest like any other that retention does not keep.

      --reason TEXT       what you found; kept in a report; anybody who can read the store can read it
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast quarantine backups/daily/20260301/backup_daily_20260301_000000.json --reason "under an unknown KMS key"

Exit status: 0 put aside; 2 no reason, or it can be trusted; 10 no such object; 12 key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const [object] = positionals;
    if (object === undefined)
      throw usage('OBJECT is missing', 'Give its path, as `holdfast verify --all` shows it.');
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
Its problem was: ${problem}
It no longer counts, as long as it does not change. To see what prune does now: holdfast prune --dry-run
`;
}
