import { ERRORS } from '../../shared/core/errors.ts';
import { bucketWarnings, checkBucket, refuseUnsafe } from '../../shared/jobs/doctor/bucket-rules.ts';
import { openChecks } from '../../shared/jobs/source/open-checks.ts';
import { type SourceCheck, type SourceTest, testSource } from '../../shared/jobs/source/test-source.ts';
import { runProbe } from '../../shared/jobs/verify/probe.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { duration } from '../format.ts';
import { type Io, write } from '../io.ts';
import { SOURCE_HELP } from '../kinds.ts';
import { findPlace, loadConfig, repositoryConfig } from '../load-config.ts';
import { CommandSession } from '../session.ts';

const options = {
  source: { type: 'string', short: 's' },
  write: { type: 'boolean', default: false },
} as const;

/** `holdfast test`: a probe of the repository, or of a source. */
export const test: Command = {
  options,
  help: `Usage: holdfast test
       holdfast test --source SOURCE [--write]

Without --source: backs up a few thousand generated records into the repository, verifies every byte, reads them
back, compares, and removes them again. It touches no database and no other backup. First,
it checks whether a lifecycle rule of the bucket would remove or archive backups.

With --source: checks whether a database behaves as its kind of source needs, one line per property, and says what
follows if it does not. It reads little (at most 2 MB if reading costs money) and needs no repository.

${SOURCE_HELP}
      --write             also check what only writing shows: in a place of its own, which is removed

${COMMON_HELP}
Examples:
  holdfast test
  holdfast test --source shop
  holdfast test --source https://shop-staging.firebaseio.com --write

Exit status: 0 it works; 30 (or another of docs/reference/errors.md) no backup, or with --write no restore, can be made; properties that
only save requests are reported, but are no failure.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    if (values.source !== undefined) return testOneSource({ ...values, source: values.source }, io);
    if (values.write)
      throw usage('--write needs --source', 'Name the source: holdfast test --source SOURCE --write.');
    return testRepository(values, io);
  },
};

async function testRepository(values: Parameters<typeof CommandSession.open>[0], io: Io): Promise<number> {
  await using session = await CommandSession.open(values, io);
  const place = await repositoryConfig(session.config, io);
  const bucket = await checkBucket(place, io.signal);
  refuseUnsafe(bucket, place);
  for (const warning of bucketWarnings(bucket)) session.progress.say(`warning: ${warning}`);
  const began = performance.now();
  const result = await runProbe(session.repository, io.signal);
  const lines = result.proved.map((line) => `  - ${line}\n`).join('');
  await session.report(
    result,
    `It works (${duration(performance.now() - began)}). Proved:\n${lines}The probe was removed again.\n`,
  );
  return 0;
}

async function testOneSource(
  {
    source,
    ...values
  }: Parameters<typeof CommandSession.open>[0] & { readonly source: string; readonly write?: boolean },
  io: Io,
): Promise<number> {
  const config = await loadConfig(values, io);
  const checks = await openChecks(findPlace(source, config, io), io.env);
  const say = (text: string): Promise<void> => (values.json ? Promise.resolve() : write(io.stdout, text));
  await say(`${checks.name} (${checks.kind})\n`);
  const result = await testSource(checks, { mayWrite: values.write === true, signal: io.signal });
  await say(result.checks.map(describe).join('') + conclude(result));
  if (values.json) await write(io.stdout, `${JSON.stringify(result)}\n`);
  return result.failure === undefined ? 0 : ERRORS[result.failure].exitStatus;
}

const OUTCOMES: Readonly<Record<SourceCheck['outcome'], string>> = {
  holds: 'holds  ',
  differs: 'DIFFERS',
  unknown: 'unknown',
  skipped: 'skipped',
};

function describe({ name, assumes, outcome, seen, follows, fix = '' }: SourceCheck): string {
  const first = `  ${OUTCOMES[outcome]}  ${name}: ${assumes}\n`;
  if (outcome === 'holds') return first;
  const then = outcome === 'differs' ? `\n           ${`${follows} ${fix}`.trim()}` : '';
  return `${first}           ${outcome === 'skipped' ? 'Not checked:' : 'Seen:'} ${seen}${then}\n`;
}

function conclude({ checks, failure }: SourceTest): string {
  const of = (outcome: SourceCheck['outcome']) => checks.filter((check) => check.outcome === outcome);
  const [holding, open] = [of('holds').length, [...of('unknown'), ...of('skipped')].length];
  const saved = of('differs').filter(({ neededFor }) => neededFor === 'saving').length;
  const lines = [
    `${holding} of ${checks.length} hold${open > 0 ? `; ${open} were not checked` : ''}.`,
    ...(saved > 0 ? ['Other differences are handled in each backup, and only cost requests or bytes.'] : []),
    ...(failure === undefined ? [] : ['A needed property does not hold: see DIFFERS above.']),
  ];
  return `${lines.join('\n')}\n`;
}
