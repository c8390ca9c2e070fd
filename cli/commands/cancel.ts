import { userInfo } from 'node:os';
import { HoldfastError } from '../../shared/core/errors.ts';
import { cancelRun } from '../../shared/jobs/runs/cancel-run.ts';
import { type RecordedRun, readRuns } from '../../shared/jobs/runs/run-history.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { age, plural } from '../format.ts';
import { CommandSession } from '../session.ts';

const options = {} as const;
const LEAST_CHARS = 4;

/** `holdfast cancel`: stops a run that anybody began. */
export const cancel: Command = {
  options,
  help: `Usage: holdfast cancel RUN

Stops a run, whoever started it: a command, the server of \`holdfast serve\`, or functions on AWS. RUN is
the id that \`holdfast runs\` shows, or its first characters. The run notices within seconds and ends cleanly: a backup
is not listed, a drill's scratch database is dropped, a restore reports the state of its target. On AWS a scheduled backup
then ends with E_RUN_ABORTED; the admin API stops its execution instead, which raises no alarm.

${COMMON_HELP}
Examples:
  holdfast runs
  holdfast cancel 0f3c9a12

Exit status: 0 the run was asked to stop; 10 no such run is in progress; 11 RUN fits several; 12 key.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const [given] = positionals;
    if (given === undefined) throw usage('RUN is missing', '`holdfast runs` shows the runs in progress.');
    if (!/^[0-9a-f]{1,32}$/.test(given) || given.length < LEAST_CHARS)
      throw usage(`'${given}' is not the id of a run`, `Give ${LEAST_CHARS} to 32 of 0-9 and a-f.`);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const { repository } = session;
    const { run, kind, startedAt } = await runningOf(session, given);
    await cancelRun(repository, { run, by: userInfo().username, signal: io.signal });
    const said = `Asked the ${kind} that began ${age(startedAt, repository.clock.now())} to stop: ${run}\n`;
    await session.print({ run, kind }, `${said}To see how it ends: holdfast runs\n`);
    return 0;
  },
};

/** The run in progress whose id begins this way. @throws E_UNKNOWN_RUN, E_USAGE if there are several */
async function runningOf({ repository, io }: CommandSession, start: string): Promise<RecordedRun> {
  const found: RecordedRun[] = [];
  for await (const run of readRuns(repository, { signal: io.signal }))
    if (run.state === 'running' && run.run.startsWith(start)) found.push(run);
  const [only, ...others] = found;
  if (only && others.length === 0) return only;
  if (only)
    throw usage(`'${start}' fits ${plural(found.length, 'run')} in progress`, 'Give more of its characters.');
  throw new HoldfastError('E_UNKNOWN_RUN', `no run in progress has an id that begins with ${start}`, {
    hint: '`holdfast runs` shows the runs in progress, and how others ended.',
  });
}
