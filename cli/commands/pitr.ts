import { COMMON_HELP, type Command, unknownAction, usage } from '../command.ts';
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

  setup                   shows what the database needs in order to keep its changes for Holdfast, and why; asks, then
                          runs it
  doctor                  checks the setup, and says what to fix
  status                  shows which moments can be restored, where changes are missing, how far behind the stored
                          changes are, and how much of its log the server holds
  run                     reads and stores the changes every minute (continuous.everySeconds) until you stop it; makes a
                          backup if there is none that changes can be applied to
  watchdog                makes the server release its log before it fills the disk: when it holds more than
                          continuous.mostHeldMiB, or nobody has read it for continuous.mostIdle. Run it as a process of
                          its own, beside \`run\`
  prove                   compares a backup (default: the newest), row by row, with the one before it and the stored
                          changes between them: if both agree, no change was lost or doubled. Needs no second
                          database, and reads only what differs
  pause, resume           stop polling, here and on AWS, and start it again. Meanwhile the server keeps its log, within
                          the limits of the watchdog
  remove                  removes what setup made; stored changes stay

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

Exit status: 0 done; 11 setting it up would be unsafe; 20 damaged, or prove found a difference; 30 database, or changes
are lost (a gap); 41 status: moments up to now cannot be restored, doctor: warnings; 75 try again; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parsePitr(argv);
    const [action, ...others] = positionals;
    if (action === undefined || !Object.hasOwn(ACTIONS, action))
      throw unknownAction('pitr', action, Object.keys(ACTIONS));
    if (action !== 'prove' && others.length > 0) throw usage(`pitr ${action} takes no '${others[0]}'`);
    for (const [option, actions] of Object.entries(ONLY_FOR))
      if ((values as Record<string, unknown>)[option] === true && !actions.includes(action))
        throw usage(`--${option} is for pitr ${actions.join(' and ')}`);
    return ACTIONS[action as keyof typeof ACTIONS](values, io, others[0]);
  },
};
