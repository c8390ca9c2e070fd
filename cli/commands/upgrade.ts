import { isUpgradedAlready, upgradeRepository } from '../../shared/jobs/keys/upgrade.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';
import { CommandSession } from '../session.ts';

const options = { yes: { type: 'boolean', short: 'y', default: false } } as const;

const MEANING = `From the next backup on, backups are written in format 2. Tables are stored as columns, which takes a fifth to a half
less; \`list\` reads as little of a large backup as of a small one; and sizes that anybody can see tell less about the data.
Stored data stays unchanged and readable, and new backups continue to refer to it.

You can't undo this. Releases of Holdfast that only know format 1 refuse backups of format 2, and their prune stops:
install this release on every machine, function and container that uses the repository first.`;

/** `holdfast upgrade`: lets new backups be written in format 2. */
export const upgrade: Command = {
  options,
  help: `Usage: holdfast upgrade [--yes]

Makes a repository of format 1 write its backups in format 2.

${MEANING}

  -y, --yes               do not ask

${COMMON_HELP}
Examples:
  holdfast upgrade
  holdfast upgrade --yes --json

Exit status: 0 upgraded, now or before; 2 nobody to ask, and no --yes; 12 no key; 20 damaged.
`,

  async run(argv, io) {
    const { values } = parse(argv, options, 0);
    await using session = await CommandSession.open(values, io);
    const { repository } = session;
    if (!(await isUpgradedAlready(repository, io.signal))) {
      if (values.yes !== true) session.progress.say(MEANING);
      await ask.confirmChange(io, `Upgrade ${repository.store.location}?`, { yes: values.yes === true });
    }
    const result = await upgradeRepository(repository, io.signal);
    const name = `${result.repositoryId.slice(0, 8)} at ${result.location}`;
    const text = result.isChanged
      ? `Upgraded repository ${name}: the next backup is written in format 2.\n`
      : `Repository ${name} is already of format 2; nothing was changed.\n`;
    await session.report(result, text);
    return 0;
  },
};
