import type { Command } from './command.ts';
import { backup } from './commands/backup.ts';
import { completion } from './commands/completion.ts';
import { exportCommand } from './commands/export.ts';
import { init } from './commands/init.ts';
import { list } from './commands/list.ts';
import { prune } from './commands/prune.ts';
import { restore } from './commands/restore.ts';
import { show } from './commands/show.ts';
import { status } from './commands/status.ts';
import { test } from './commands/test.ts';
import { verify } from './commands/verify.ts';

/** Every command, in the order of `holdfast help`. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  init,
  backup,
  list,
  show,
  status,
  verify,
  restore,
  export: exportCommand,
  prune,
  test,
  completion,
};
