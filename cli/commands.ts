import type { Command } from './command.ts';

interface CommandEntry {
  /** One line for `holdfast help`. */
  readonly summary: string;
  /** Loaded only when the command runs, as its dependencies may take a while. */
  load(): Promise<Command>;
}

/** Every command, in the order of `holdfast help`. */
export const COMMANDS: Readonly<Record<string, CommandEntry>> = {
  doctor: {
    summary: 'check everything that backups and restores need, and say what to do',
    load: async () => (await import('./commands/doctor.ts')).doctor,
  },
  init: { summary: 'make a repository', load: async () => (await import('./commands/init.ts')).init },
  estimate: {
    summary: 'say from a sample how large backups will be, how long they take, and what they cost',
    load: async () => (await import('./commands/estimate.ts')).estimate,
  },
  backup: { summary: 'back up a database', load: async () => (await import('./commands/backup.ts')).backup },
  import: {
    summary: 'store a file that something else exported as a backup, with its date',
    load: async () => (await import('./commands/import.ts')).importCommand,
  },
  list: {
    summary: 'list backups, newest first',
    load: async () => (await import('./commands/list.ts')).list,
  },
  show: {
    summary: 'show the content of a backup',
    load: async () => (await import('./commands/show.ts')).show,
  },
  pitr: {
    summary: 'back up continuously, so that every moment can be restored',
    load: async () => (await import('./commands/pitr.ts')).pitr,
  },
  rows: {
    summary: 'show rows of a backup, without restoring it',
    load: async () => (await import('./commands/rows.ts')).rows,
  },
  diff: {
    summary: 'compare two backups row by row',
    load: async () => (await import('./commands/diff.ts')).diff,
  },
  history: {
    summary: 'show every version of a row over all backups',
    load: async () => (await import('./commands/history.ts')).history,
  },
  query: {
    summary: 'run SQL over backups, without restoring them',
    load: async () => (await import('./commands/query.ts')).query,
  },
  bisect: {
    summary: 'find the backup, and the transaction, where a check began to fail',
    load: async () => (await import('./commands/bisect.ts')).bisect,
  },
  undo: {
    summary: 'show what a transaction did, and reverse it',
    load: async () => (await import('./commands/undo.ts')).undo,
  },
  status: {
    summary: 'show whether you are safe, the newest backups and what to do next',
    load: async () => (await import('./commands/status.ts')).status,
  },
  runs: {
    summary: 'list runs, newest first, and how they ended',
    load: async () => (await import('./commands/runs.ts')).runs,
  },
  cancel: {
    summary: 'stop a run, wherever it runs',
    load: async () => (await import('./commands/cancel.ts')).cancel,
  },
  notifications: {
    summary: 'list notification channels, and send tests',
    load: async () => (await import('./commands/notifications.ts')).notifications,
  },
  accept: {
    summary: 'confirm that a suspect backup is as it should be',
    load: async () => (await import('./commands/accept.ts')).accept,
  },
  verify: {
    summary: 'check that backups are whole',
    load: async () => (await import('./commands/verify.ts')).verify,
  },
  drill: {
    summary: 'restore a backup into a scratch database, compare, and keep the evidence',
    load: async () => (await import('./commands/drill.ts')).drill,
  },
  restore: {
    summary: 'restore a backup, or some of its datasets',
    load: async () => (await import('./commands/restore.ts')).restore,
  },
  mask: {
    summary: 'suggest and check rules of masked copies, for developers',
    load: async () => (await import('./commands/mask.ts')).mask,
  },
  recover: {
    summary: 'restore with only the repository and the recovery sheet',
    load: async () => (await import('./commands/recover.ts')).recover,
  },
  repair: {
    summary: 'say what damaged backups have lost, and repair what can be repaired',
    load: async () => (await import('./commands/repair.ts')).repair,
  },
  salvage: {
    summary: 'restore what is left of a damaged backup, and list what is missing',
    load: async () => (await import('./commands/salvage.ts')).salvage,
  },
  export: {
    summary: 'write a backup as SQL, CSV, JSON or NDJSON',
    load: async () => (await import('./commands/export.ts')).exportCommand,
  },
  quarantine: {
    summary: 'put aside a manifest or report that cannot be trusted',
    load: async () => (await import('./commands/quarantine.ts')).quarantine,
  },
  copy: {
    summary: 'copy backups to a second place, which can restore without the first',
    load: async () => (await import('./commands/copy.ts')).copy,
  },
  prune: {
    summary: 'remove backups that retention does not keep, and the data only they needed',
    load: async () => (await import('./commands/prune.ts')).prune,
  },
  lock: {
    summary: 'lock what backups need, so that nobody can remove it early',
    load: async () => (await import('./commands/lock.ts')).lock,
  },
  timestamp: {
    summary: 'get a time stamp from an authority for the newest backups',
    load: async () => (await import('./commands/timestamp.ts')).timestamp,
  },
  keys: {
    summary: 'list the keys in use; check that the configured one opens every backup',
    load: async () => (await import('./commands/keys.ts')).keys,
  },
  rekey: {
    summary: 'change the key of the repository; add or remove a recovery key',
    load: async () => (await import('./commands/rekey.ts')).rekey,
  },
  upgrade: {
    summary: 'write backups in format 2 from the next one on',
    load: async () => (await import('./commands/upgrade.ts')).upgrade,
  },
  hold: {
    summary: 'keep a backup, whatever retention says',
    load: async () => (await import('./commands/hold.ts')).hold,
  },
  release: {
    summary: 'release a held backup',
    load: async () => (await import('./commands/release.ts')).release,
  },
  serve: {
    summary: 'serve the console and the admin API to this machine',
    load: async () => (await import('./commands/serve.ts')).serve,
  },
  'api-keys': {
    summary: 'list, make or revoke API keys for machines',
    load: async () => (await import('./commands/api-keys.ts')).apiKeys,
  },
  test: {
    summary: 'prove that repository and key work, with a small probe',
    load: async () => (await import('./commands/test.ts')).test,
  },
  deploy: {
    summary: 'write a CDK app that deploys Holdfast on AWS',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  completion: {
    summary: 'print a completion script for bash, zsh or fish',
    load: async () => (await import('./commands/completion.ts')).completion,
  },
};
