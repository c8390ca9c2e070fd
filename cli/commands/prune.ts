import { HoldfastError } from '../../shared/core/errors.ts';
import { COMMON_HELP, type Command, parse } from '../command.ts';

export const prune: Command = {
  options: {},
  help: `Usage: holdfast prune

Not in this release: backups are kept until you remove them. Nothing is ever removed by other commands.

${COMMON_HELP}`,

  async run(argv) {
    parse(argv, {}, 0);
    throw new HoldfastError('E_USAGE', 'prune is not in this release; every backup is kept', {
      hint: 'Plan for the room: `holdfast status` shows what is stored.',
    });
  },
};
