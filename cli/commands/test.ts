import { runProbe } from '../../shared/jobs/probe.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { duration } from '../format.ts';
import { Session } from '../session.ts';

export const test: Command = {
  options: {},
  help: `Usage: holdfast test

Backs a few thousand generated records up into the repository, verifies every byte, reads them back, compares,
and removes them again. It touches no database and no other backup.

${COMMON_HELP}
Exit status: 0 it works; otherwise the status says what does not (docs/errors.md).
`,

  async run(argv, io) {
    const { values } = parse(argv, {}, 0);
    await using session = await Session.open(values, io);
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
