import { backupName } from '../../shared/core/backup-words.ts';
import { RUN_KINDS, type RunKind } from '../../shared/core/run-kinds.ts';
import { type RecordedRun, readRuns } from '../../shared/jobs/runs/run-history.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { age, bytes, duration } from '../format.ts';
import { CommandSession } from '../session.ts';
import type { Screen, Styled, TextStyle } from '../style.ts';
import { renderTable } from '../table.ts';

const options = {
  source: { type: 'string', short: 's' },
  failed: { type: 'boolean', default: false },
  most: { type: 'string', short: 'n' },
} as const;

const DEFAULT_MOST = 30;
const MOST = 10_000;

/** `holdfast runs`: what ran, and how it ended. */
export const runs: Command = {
  options,
  help: `Usage: holdfast runs [KIND] [--source SOURCE] [--failed] [--most N]

Lists runs, newest first: all backups, verifications, drills, restores and exports, and copies and locks
started from the console. Shows how they ended, how long they took and what they stored; failed ones too. KIND is one of ${RUN_KINDS.join(', ')}.
A run whose process died is shown as stopped. Runs are recorded in the repository for 400 days; the records are not
authenticated: anybody who may write to the repository could make one up.

  -s, --source SOURCE     only runs of this source, by its full name
      --failed            only runs that failed, stopped, or made a suspect backup
  -n, --most N            at most N runs (default ${DEFAULT_MOST})

${COMMON_HELP}
Examples:
  holdfast runs
  holdfast runs backup --source shop --failed

Exit status: 0 listed; 10 no repository.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const kind = kindOf(positionals[0]);
    const most = mostOf(values.most);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const { repository, naming, progress } = session;
    const found: RecordedRun[] = [];
    const onUnread = (message: string) => progress.say(`warning: skipped a note: ${message}`);
    const kinds = kind ? { kinds: [kind] } : {};
    for await (const run of readRuns(repository, { ...kinds, signal: io.signal }, onUnread)) {
      const nameOf = await naming(run.source === null ? [] : [run.source]);
      const named = { ...run, source: run.source === null ? null : nameOf(run.source) };
      if (values.source !== undefined && named.source !== values.source) continue;
      if (values.failed && (run.state === 'succeeded' || run.state === 'running')) continue;
      found.push(named);
      if (found.length === most) break;
    }
    await session.print({ runs: found }, describe(found, repository.clock.now(), session.screen));
    return 0;
  },
};

function kindOf(text: string | undefined): RunKind | undefined {
  if (text === undefined) return undefined;
  const kind = RUN_KINDS.find((known) => known === text);
  if (kind) return kind;
  throw usage(`'${text}' is not a kind of run; there are ${RUN_KINDS.join(', ')}`);
}

function mostOf(text: string | undefined): number {
  const most = Number(text ?? DEFAULT_MOST);
  if (Number.isInteger(most) && most >= 1 && most <= MOST) return most;
  throw usage(`--most is '${text}'; allowed are 1 to ${MOST}`);
}

function describe(found: readonly RecordedRun[], now: Date, screen: Screen): string | Styled {
  if (found.length === 0) return 'There are no such runs.\n';
  const rows = found.map((run) => {
    const { run: id, kind, source, type, state, code, startedAt, finishedAt, storedBytes, backup, by } = run;
    return [
      age(startedAt, now),
      type === null ? kind : `${kind} ${type}`,
      source ?? '-',
      code === undefined ? state : `${state} (${code})`,
      finishedAt ? duration(finishedAt.getTime() - startedAt.getTime()) : '-',
      storedBytes === undefined ? '-' : bytes(storedBytes),
      backup === null ? '-' : backupName(backup),
      by ?? 'command line',
      id.slice(0, 8),
    ];
  });
  return renderTable(COLUMNS, rows, screen);
}

const COLUMNS = [
  { title: 'STARTED' },
  { title: 'RUN' },
  { title: 'SOURCE', least: 8 },
  { title: 'STATE', look: lookOf, least: 10 },
  { title: 'TOOK', leaveOut: 3 },
  { title: 'STORED', isNumber: true, leaveOut: 2 },
  { title: 'BACKUP', leaveOut: 4 },
  { title: 'BY', leaveOut: 1 },
  { title: 'ID' },
];

function lookOf(cell: string): TextStyle | undefined {
  if (/^(failed|stopped)/.test(cell)) return 'red';
  return /^(suspect|running)/.test(cell) ? 'yellow' : undefined;
}
