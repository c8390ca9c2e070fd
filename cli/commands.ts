import type { Command } from './command.ts';

interface CommandEntry {
  /** One line for `holdfast help`. */
  readonly summary: string;
  /** A command is loaded when it is run: what it needs may take a while. */
  load(): Promise<Command>;
}

/** Every command, in the order of `holdfast help`. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  init: { summary: 'make a repository', load: async () => (await import('./commands/init.ts')).init },
  backup: { summary: 'back a database up', load: async () => (await import('./commands/backup.ts')).backup },
  list: {
    summary: 'list backups, newest first',
    load: async () => (await import('./commands/list.ts')).list,
  },
  show: { summary: 'show what a backup holds', load: async () => (await import('./commands/show.ts')).show },
  status: {
    summary: 'show the repository, its newest backups and what to do next',
    load: async () => (await import('./commands/status.ts')).status,
  },
  verify: {
    summary: 'check that backups are whole',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  restore: {
    summary: 'restore a backup, or some of its datasets',
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  export: {
    summary: 'write a backup as SQL, CSV, JSON or NDJSON',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  prune: {
    summary: 'remove expired backups (not in this release)',
    load: async () => (await import('./commands/prune.ts')).prune,
  },
  test: {
    summary: 'prove that repository and key work, with a small probe',
    load: async () => (await import('./commands/test.ts')).test,
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
};
