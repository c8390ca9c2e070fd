import { backupName } from '../../shared/core/backup-words.ts';
import type { OnProgress } from '../../shared/core/progress.ts';
import type { RestoreResult } from '../../shared/jobs/restore/restore.ts';
import { openTarget } from '../../shared/jobs/source/adapters.ts';
import { showBackup } from '../../shared/jobs/status/show.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, jobsOf, parse, usage } from '../command.ts';
import { doubtsOf, warnOfDoubts } from '../doubts.ts';
import { bytes, duration, number, plural } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { optionHelp, specialFlags, specialHelp, specialOf, URL_EXAMPLE, URL_EXAMPLES } from '../kinds.ts';
import { findPlace } from '../load-config.ts';
import {
  MASK_HELP,
  MASK_OPTIONS,
  maskDocument,
  maskingOf,
  maskText,
  planWith,
  restoreWith,
} from '../masking.ts';
import { isOfMoment, MOMENT_HELP, MOMENT_OPTIONS } from '../moment-options.ts';
import { PROFILE_HELP, PROFILE_OPTION, type Profile, profileOf, profileText } from '../profile.ts';
import { recordedCommand } from '../recorded.ts';
import { describePlan, PLAIN, planDocument } from '../restore-plan.ts';
import { isOfRows, ROW_HELP, ROW_OPTIONS, restoreRowsFrom } from '../restore-rows.ts';
import { CommandSession } from '../session.ts';
import {
  isOfSubset,
  SUBSET_HELP,
  SUBSET_OPTIONS,
  type SubsetFlags,
  subsetDocument,
  subsetOf,
  subsetText,
} from '../subset.ts';

/** Options of `restore`; `recover` has them too. */
export const RESTORE_OPTIONS = {
  to: { type: 'string', short: 't' },
  dataset: { type: 'string', short: 'd', multiple: true },
  replace: { type: 'boolean', default: false },
  'keep-going': { type: 'boolean', default: false },
  'no-owner': { type: 'boolean', default: false },
  'no-privileges': { type: 'boolean', default: false },
  compare: { type: 'string' },
  jobs: { type: 'string', short: 'j' },
  'dry-run': { type: 'boolean', short: 'n', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  ...KEY_OPTIONS,
} as const;

/** `holdfast restore`: restores a backup and compares all of it. */
export const restore: Command = {
  options: {
    ...RESTORE_OPTIONS,
    ...MASK_OPTIONS,
    ...MOMENT_OPTIONS,
    ...ROW_OPTIONS,
    ...SUBSET_OPTIONS,
    ...PROFILE_OPTION,
    ...specialFlags(),
  },
  help: `Usage: holdfast restore [KEY] --to TARGET [--dataset NAME]… [--path PATH] [--replace]
                        [--compare all|none] [--dry-run] [--profile]
       holdfast restore --at MOMENT|latest | --before-transaction ID  --to TARGET [--source SOURCE] …
       holdfast restore [KEY] --to TARGET [--dataset NAME]… [--where CONDITION]… [--rows FILE]
                        [--remove-added] [--on-conflict fail|skip|replace | --beside NAME] [--dry-run]
       holdfast restore [KEY] --to TARGET --subset 'TABLE: CONDITION'… [--follow] [--mask RULES] [--dry-run]

Restores into an empty database, or writes the datasets into a folder. Shows its plan first; refuses a target
that already has any of the objects, and names them. Afterwards it reads everything back and compares it with the backup.

${optionHelp('  -t, --to TARGET', `${URL_EXAMPLES}, env:NAME (a URL in the environment, so that nobody sees its password), a name from the configuration, or a folder`)}
${MOMENT_HELP}  -d, --dataset NAME      only this dataset and what it needs; may be repeated
      --replace           drop objects of the same name first; asks, unless --yes
      --no-owner          make the restoring user the owner of everything
      --no-privileges     restore no GRANTs
      --keep-going        leave out what the database refuses before the rows, if its kind can
      --compare all|none      whether to read the database back and compare it with the backup (default all). none is
                          faster, but leaves it unknown whether the database holds what the backup does
  -j, --jobs N            partitions and indexes at once (default 4)
  -n, --dry-run           print the plan, change nothing
  -y, --yes               do not ask
${MASK_HELP}${PROFILE_HELP}${KEY_HELP}${specialHelp()}
${SUBSET_HELP}
${ROW_HELP}
${COMMON_HELP}
Examples:
  holdfast restore latest --to postgres://localhost/scratch
  holdfast restore latest:shop --to env:TARGET_URL --dataset public.orders
  holdfast restore 20260301 --to ./files
  holdfast restore --at '2026-11-29 10:15:30+01' --to env:TARGET_URL
  holdfast restore latest --to env:DEV_URL --mask rules.json
  holdfast restore latest --to env:DEV_URL --subset 'public.orders: placed >= 2026-11-01' --follow --mask rules.json
  holdfast restore latest --to https://shop.firebaseio.com --path /characters/alice --replace
  holdfast restore latest --to env:SHOP -d public.orders --where 'customer = 42' --dry-run
  holdfast restore latest --to env:SHOP --rows changes.ndjson --remove-added --on-conflict replace

Exit status: 0 restored and equal; 11 the target has the objects, or rows are in the way; 20 damaged, or it differs; 30 database;
31 restored and compared, except for objects that are named; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parseRestore(argv);
    const profile = profileOf(values);
    const flags = { ...values, source: undefined };
    await using session = await CommandSession.open(flags, io, { meter: profile?.meter });
    const isMoment = isOfMoment(values, positionals[0]);
    if (values.mask !== undefined && (isMoment || isOfRows(values)))
      throw usage(
        '--mask works on a whole backup or on datasets',
        'Leave out options for rows and moments: those restores cannot be masked.',
      );
    if (isOfSubset(values) && (isMoment || isOfRows(values)))
      throw usage('--subset works on a backup', 'Leave out options for moments and single rows.');
    if (isOfRows(values)) {
      if (isMoment) throw usage('single rows are restored from a backup, not from a moment');
      const key = await session.backup(positionals[0], values);
      return await restoreRowsFrom(session, values, key, specialOf(values));
    }
    if (!isMoment) return await restoreFrom(session, values, positionals[0], profile);
    if (profile) throw usage('--profile works on the restore of a backup');
    const choices = { ...choicesOf(values, io.signal), datasets: values.dataset };
    const { restoreMomentFrom } = await import('../restore-moment.ts');
    return await restoreMomentFrom(session, values, choices);
  },
};

/** Options of a restore, with those that only some kinds know. @throws E_USAGE */
function parseRestore(argv: readonly string[]) {
  const options = {
    ...RESTORE_OPTIONS,
    ...MASK_OPTIONS,
    ...MOMENT_OPTIONS,
    ...ROW_OPTIONS,
    ...SUBSET_OPTIONS,
    ...PROFILE_OPTION,
  };
  return parse<typeof options>(argv, { ...options, ...specialFlags() }, 1);
}

type RestoreFlags = Omit<
  ReturnType<typeof parseRestore>['values'],
  'profile' | 'mask' | keyof typeof MOMENT_OPTIONS | keyof typeof ROW_OPTIONS | keyof typeof SUBSET_OPTIONS
> &
  Omit<SubsetFlags, 'dataset'> & { readonly mask?: string | undefined };

/**
 * @param word which backup: a key, part of one, or a word
 * @param profile printed after the result
 * @returns the exit status
 */
export async function restoreFrom(
  session: CommandSession,
  values: RestoreFlags,
  word: string | undefined,
  profile?: Profile | undefined,
): Promise<number> {
  const { io } = session;
  const given = choicesOf(values, io.signal);
  const masking = await maskingOf(values.mask, io);
  const key = await session.backup(word, values);
  const doubts = await doubtsOf(session, key);
  if (doubts.length > 0) session.progress.say(warnOfDoubts(doubts));
  const to = values.to ?? (await ask.text(io, 'Restore to which database or folder?'));
  if (!to) throw usage('--to is missing', `Say where: --to ${URL_EXAMPLE}, --to env:NAME or --to ./folder.`);
  const target = await openTarget(findPlace(to, session.config, io), io.env);
  const choices = {
    datasets: await chooseDatasets(
      session,
      key,
      values.dataset,
      values.to !== undefined || values.subset !== undefined || Object.keys(given.special).length > 0,
    ),
    ...given,
  };
  const how = { masking, subset: await subsetOf(session, values, key) };
  const planned = await planWith(how, session.repository, key, target, choices);
  const { plan } = planned;
  const planText = describePlan(key, plan) + subsetText(how.subset?.datasets);
  if (values['dry-run']) {
    await session.print(
      { ...planDocument(key, plan, doubts), ...maskDocument(planned), ...subsetDocument(planned) },
      planText,
    );
    return 0;
  }
  if (!session.isJson && values.quiet !== true) session.progress.say(planText);
  if (plan.drops.length > 0) {
    await ask.confirmDestruction(io, `Drop ${plural(plan.drops.length, 'object')} of ${plan.target}?`, {
      yes: values.yes === true,
    });
  }
  const began = performance.now();
  const onProgress: OnProgress = (event) => {
    profile?.on(event);
    session.progress.on(event);
  };
  const work = (signal: AbortSignal) =>
    restoreWith(how, session.repository, key, target, { ...choices, onProgress, signal });
  const about = { kind: 'restore', backup: key, target: target.name } as const;
  const result = await recordedCommand(session, about, work, ({ records, plainBytes }) => ({
    records,
    plainBytes,
  }));
  const document = { ...resultDocument(result, doubts), ...maskDocument(result), ...subsetDocument(result) };
  const text = describeResult(result, performance.now() - began) + maskText(result);
  const found = await profile?.document(session);
  if (found) await session.print({ ...document, profile: found }, `${text}${profileText(found)}`);
  else await session.report(document, text);
  if (!result.isCompared) session.progress.say(`warning: ${NOT_COMPARED}`);
  return 0;
}

/** What the options say of how a restore is done. @throws E_USAGE */
function choicesOf(values: RestoreFlags, signal: AbortSignal) {
  const jobs = jobsOf(values.jobs);
  return {
    replace: values.replace === true,
    keepGoing: values['keep-going'] === true,
    noOwner: values['no-owner'] === true,
    noPrivileges: values['no-privileges'] === true,
    special: specialOf(values),
    compare: compareOf(values.compare),
    ...(jobs === undefined ? {} : { jobs }),
    signal,
  };
}

const NOT_COMPARED =
  'the target was not compared with the backup (--compare none): a restore without that option, or a drill, compares everything';

/** @throws E_USAGE */
function compareOf(text: string | undefined): 'all' | 'none' {
  if (text === undefined || text === 'all' || text === 'none') return text ?? 'all';
  throw usage(`--compare is '${text}'`, 'Allowed are all and none.');
}

/** The named ones; else, on a terminal where the target was asked for too, a choice; else all. */
async function chooseDatasets(
  session: CommandSession,
  key: RestoreResult['key'],
  named: readonly string[] | undefined,
  isScripted: boolean,
) {
  if (named !== undefined || isScripted || !ask.isPossible(session.io)) return named;
  const { datasets } = await showBackup(session.repository, key, session.io.signal);
  const data = datasets.filter(({ kind }) => kind === 'data');
  const all = { value: '*', label: 'everything' };
  const chosen = await ask.multiselect(session.io, 'Which datasets?', [
    all,
    ...data.map(({ name, records }) => ({ value: name, label: name, hint: `${number(records)} records` })),
  ]);
  return chosen === undefined || chosen.includes('*') ? undefined : chosen;
}

function resultDocument(
  { key, plan, comparison, isCompared, records, plainBytes }: RestoreResult,
  doubts: readonly string[],
): object {
  return { ...planDocument(key, plan, doubts), records, plainBytes, comparison, isCompared };
}

function describeResult(result: RestoreResult, ms: number): string {
  const { key, plan, comparison, isCompared, records, plainBytes } = result;
  const lines = [
    `Restored ${backupName(key)} to ${plan.target} in ${duration(ms)}`,
    `  ${plural(records, 'record')}, ${bytes(plainBytes)}`,
    isCompared
      ? `  read back: ${plural(comparison.length, 'dataset')} compared with the backup, all equal`
      : '  NOT compared with the backup',
    ...(plan.isPlain ? [`  ${PLAIN}`] : []),
    ...(plan.losses ?? []).map((what) => `  also dropped, although not in the backup: ${what}`),
  ];
  return `${lines.join('\n')}\n`;
}
