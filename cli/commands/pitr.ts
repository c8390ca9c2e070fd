import { COMMON_HELP, type Command, usage } from '../command.ts';
import { PITR_OPTIONS, parsePitr } from '../pitr-options.ts';
import { pitrPause, pitrResume } from '../pitr-pause.ts';
import { pitrProve } from '../pitr-prove.ts';
import { pitrRun } from '../pitr-run.ts';
import { pitrDoctor, pitrRemove, pitrSetup, pitrWatchdog } from '../pitr-setup.ts';
import { pitrStatus } from '../pitr-status.ts';

const ACTIONS = {
  setup: pitrSetup,
  doctor: pitrDoctor,
  status: pitrStatus,
  run: pitrRun,
  watchdog: pitrWatchdog,
  prove: pitrProve,
  pause: pitrPause,
  resume: pitrResume,
  remove: pitrRemove,
} as const;

/** Options that only some actions know. */
const ONLY_FOR: Readonly<Record<string, readonly string[]>> = {
  once: ['run', 'watchdog'],
  'no-backup': ['run'],
  print: ['setup'],
  'all-tables': ['setup'],
  ddl: ['setup'],
  yes: ['setup', 'remove'],
};

/** `holdfast pitr`: continuous backup, so that every moment can be restored. */
export const pitr: Command = {
  options: PITR_OPTIONS,
  help: `Usage: holdfast pitr setup [--print] [--all-tables] [--ddl] [--yes] [--source SOURCE]
       holdfast pitr doctor | status | pause | resume | remove [--source SOURCE]
       holdfast pitr run [--once] [--no-backup] [--source SOURCE]
       holdfast pitr watchdog [--once] [--source SOURCE]
       holdfast pitr prove [BACKUP] [--source SOURCE]

Continuous backup: stores what changes in a database between its backups, so that every moment can be restored
(\`holdfast restore --at\`). Settings are in the configuration: \`continuous\` of a source (docs/guide/continuous.md).

  setup                   says what the database needs to keep its changes for us, and why; asks, and runs it
  doctor                  checks that it is set up as it should be, and says what to do
  status                  which moments can be restored, where changes are missing, how far behind it is, and how
                          much of its log the server holds
  run                     reads the changes each minute (continuous.everySeconds) and stores them, until it is
                          stopped; makes a backup when changes can be applied to none
  watchdog                lets the server go of its log before it fills the disk: if more is held than
                          continuous.mostHeldMiB, or nobody has read for continuous.mostIdle. Run it
                          apart from \`run\`
  prove                   compares a backup (default: the newest), row by row, with the one before it and the stored
                          changes between them: if both agree, no change was lost or doubled. Needs no second
                          database, and reads what differs
  pause, resume           nobody polls until it is resumed, also not on AWS. The server goes on keeping its log, as far
                          as the watchdog lets it
  remove                  takes down what setup made; what is stored stays

      --print             setup: print the statements for somebody else to run, change nothing
      --all-tables        setup: cover also tables that cost the application something, as the plan says
      --ddl               setup: if the stream lacks statements that change definitions, have event triggers note them
                          there (needs a superuser), so that a restore runs each exactly where it happened
      --once              run, watchdog: once, until nothing is left
      --no-backup         run: make no backup
  -s, --source SOURCE     name from the configuration (default: the only one)
  -y, --yes               do not ask

${COMMON_HELP}
Examples:
  holdfast pitr setup --print
  holdfast pitr run --once
  holdfast pitr status --json
  holdfast restore --at '2026-11-29 10:15:30+01' --to env:TARGET_URL

Exit status: 0 done; 11 setting it up would be unsafe; 20 prove: they do not agree, or something is damaged; 30 the database, or changes are lost (a gap); 41 status: no
moment up to now can be restored, doctor: warnings; 75 try again; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parsePitr(argv);
    const [action, ...others] = positionals;
    if (action === undefined || !Object.hasOwn(ACTIONS, action))
      throw usage(
        action === undefined ? 'pitr needs an action' : `pitr has no action '${action}'`,
        `Give ${Object.keys(ACTIONS).join(', ')}.`,
      );
    if (action !== 'prove' && others.length > 0) throw usage(`pitr ${action} takes no '${others[0]}'`);
    for (const [option, actions] of Object.entries(ONLY_FOR))
      if ((values as Record<string, unknown>)[option] === true && !actions.includes(action))
        throw usage(`--${option} is for pitr ${actions.join(' and ')}`);
    return ACTIONS[action as keyof typeof ACTIONS](values, io, others[0]);
  },
};
