import { backupName } from '../../shared/core/backup-words.ts';
import { type RepairResult, repairBackups } from '../../shared/jobs/repair/repair.ts';
import type { DamagedBackup } from '../../shared/jobs/repair/repair-report.ts';
import { COMMON_HELP, type Command, parse, usage } from '../command.ts';
import { plural } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS, refuseKeyFlags } from '../key-options.ts';
import { describeMissing } from '../missing.ts';
import { CommandSession } from '../session.ts';

const options = {
  all: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', short: 'n', default: false },
  ...KEY_OPTIONS,
} as const;

/** Most names of whole datasets to list. */
const MOST_NAMED = 20;

/** `holdfast repair`: mends damaged backups with what others have of them. */
export const repair: Command = {
  options,
  help: `Usage: holdfast repair [KEY | --all] [--dry-run]

Verifies every byte (of all backups, unless KEY names one), and searches all backups for what is damaged. A damaged
backup that can be completed from them gets a whole copy: the same type and moment, a second later in its name, noted as
such. For the others it says which datasets are whole and which records are lost. Nothing is changed or removed; retention
removes the damaged ones in time. Back up first: that stores again what the database still has.

      --all               every listed backup (the default)
  -n, --dry-run           check, write nothing
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast backup daily && holdfast repair
  holdfast repair 20260301 --dry-run

Exit status: 0 every backup can be restored whole, itself or through its copy; 20 records are lost, or a copy could be made
(--dry-run); 12 key; 13 the store refuses; 75 the store cannot be reached.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const [only] = positionals;
    if (values.all && only !== undefined) throw usage('give KEY or --all, not both');
    if (only === undefined) refuseKeyFlags(values);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const keys =
      only === undefined
        ? await session.repository.backupKeys(io.signal)
        : [await session.backup(only, values)];
    const dryRun = values['dry-run'] === true;
    const result = await repairBackups(session.repository, keys, {
      dryRun,
      onProgress: session.progress.on,
      signal: io.signal,
    });
    const { kept } = result;
    if (kept.warning !== undefined) session.progress.say(`warning: ${kept.warning}`);
    const isWhole = result.damaged.every(({ state }) => state === 'readable' || state === 'repaired');
    const status = isWhole ? 0 : 20;
    await session.report(documentOf(result), describe(result), status);
    return status;
  },
};

function documentOf({ backups, damaged, kept }: RepairResult): object {
  return {
    backups,
    damaged: damaged.map(({ copy = null, problem = null, ...one }) => ({ ...one, copy, problem })),
    report: kept.report ?? null,
  };
}

function describe({ backups, damaged }: RepairResult): string {
  const whole = `${plural(backups.length - damaged.length, 'backup')} whole\n`;
  return whole + damaged.map(describeOne).join('');
}

function describeOne(backup: DamagedBackup): string {
  const { key, problem, wholeDatasets, missing } = backup;
  const title = `${backupName(key)}: ${wordsFor(backup)}\n`;
  if (problem !== undefined) return `${title}  ${problem}\n`;
  if (missing.length === 0) return title;
  const named = wholeDatasets.slice(0, MOST_NAMED).join(', ') || 'none';
  const more = wholeDatasets.length > MOST_NAMED ? ` and ${wholeDatasets.length - MOST_NAMED} more` : '';
  return `${title}  whole datasets: ${named}${more}\n${indented(describeMissing(missing))}`;
}

function wordsFor({ state, copy, key, chunksFromElsewhere }: DamagedBackup): string {
  const chunks = plural(chunksFromElsewhere, 'chunk');
  switch (state) {
    case 'readable':
      return 'restores whole: it does not need what is damaged';
    case 'repaired':
      return `whole again as ${backupName(copy ?? '')}${chunksFromElsewhere > 0 ? `, ${chunks} from other places` : ''}`;
    case 'repairable':
      return `a whole copy can be made, ${chunks} from other places`;
    case 'lossy':
      return `RECORDS ARE LOST; to restore the rest: holdfast salvage ${backupName(key)} --to ./folder`;
    case 'unreadable':
      return 'LOST: nothing of it can be recovered';
  }
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}
