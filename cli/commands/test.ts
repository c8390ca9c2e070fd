import { bucketWarnings, checkBucket, refuseUnsafe } from '../../shared/jobs/bucket-rules.ts';
import { runProbe } from '../../shared/jobs/probe.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { duration } from '../format.ts';
import { repositoryConfig } from '../load-config.ts';
import { Session } from '../session.ts';

export const test: Command = {
  options: {},
  help: `Usage: holdfast test

Backs a few thousand generated records up into the repository, verifies every byte, reads them back, compares,
and removes them again. It touches no database and no other backup. Before, it looks whether a lifecycle rule of the
bucket would remove backups, or move them to where no restore can read them.

${COMMON_HELP}
Exit status: 0 it works; otherwise the status says what does not (docs/errors.md).
`,

  async run(argv, io) {
    const { values } = parse(argv, {}, 0);
    await using session = await Session.open(values, io);
    const place = await repositoryConfig(session.config, io);
    const bucket = await checkBucket(place, io.signal);
    refuseUnsafe(bucket, place);
    for (const warning of bucketWarnings(bucket)) session.progress.say(`warning: ${warning}`);
    const began = performance.now();
    const result = await runProbe(session.repository, io.signal);
    const lines = result.proved.map((line) => `  - ${line}\n`).join('');
    await session.print(
      result,
      `It works (${duration(performance.now() - began)}). Proved:\n${lines}The probe was removed again.\n`,
    );
    return 0;
  },
};
