import { backupName } from '../../shared/core/backup-words.ts';
import { OpenSalvage, type SalvagePlan, type SalvageResult } from '../../shared/jobs/repair/salvage.ts';
import { openTarget } from '../../shared/jobs/source/adapters.ts';
import { ask } from '../ask.ts';
import { COMMON_HELP, type Command, jobsOf, parse, usage } from '../command.ts';
import { bytes, duration, plural } from '../format.ts';
import { KEY_HELP, KEY_OPTIONS } from '../key-options.ts';
import { optionHelp, URL_EXAMPLE, URL_EXAMPLES } from '../kinds.ts';
import { findPlace } from '../load-config.ts';
import { describeMissing } from '../missing.ts';
import { describePlan, PLAIN, planDocument } from '../restore-plan.ts';
import { CommandSession } from '../session.ts';

const options = {
  to: { type: 'string', short: 't' },
  dataset: { type: 'string', short: 'd', multiple: true },
  replace: { type: 'boolean', default: false },
  'no-owner': { type: 'boolean', default: false },
  'no-privileges': { type: 'boolean', default: false },
  jobs: { type: 'string', short: 'j' },
  'dry-run': { type: 'boolean', short: 'n', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  ...KEY_OPTIONS,
} as const;

/** `holdfast salvage`: restores what can still be read of a damaged backup. */
export const salvage: Command = {
  options,
  help: `Usage: holdfast salvage [KEY] --to TARGET [--dataset NAME]… [--replace] [--dry-run]

Restores what is left of a damaged backup, and lists exactly what is missing: dataset, partition, records. Damaged parts
are taken from other backups that hold equal chunks. Never writes a wrong byte or a part of a record.
It is a command of its own, so that no restore is ever partial unless you ask for it. Reads the backup twice.

${optionHelp('  -t, --to TARGET', `a folder, ${URL_EXAMPLES}, env:NAME, or a name from the configuration. If the schema is damaged, only a folder will do. Foreign keys that refer to missing rows are made NOT VALID.`)}
  -d, --dataset NAME      only this dataset and what it needs; may be repeated
      --replace           drop objects of the same name first; asks, unless --yes
      --no-owner          make the restoring user the owner of everything
      --no-privileges     restore no GRANTs
  -j, --jobs N            partitions and indexes at once (default 4)
  -n, --dry-run           read the backup, print the plan and what is missing, change nothing
  -y, --yes               do not ask
${KEY_HELP}
${COMMON_HELP}
Examples:
  holdfast salvage 20260301 --to ./rescued --dry-run
  holdfast salvage 20260301 --to postgres://localhost/scratch

Exit status: 0 nothing is missing; 20 something is missing, or nothing can be read; 11 the target has the objects;
30 database; 75 or 13 the store cannot be reached; 130 stopped.
`,

  async run(argv, io) {
    const { values, positionals } = parse(argv, options, 1);
    const jobs = jobsOf(values.jobs);
    await using session = await CommandSession.open({ ...values, source: undefined }, io);
    const key = await session.backup(positionals[0], values);
    const to = values.to ?? (await ask.text(io, 'Salvage to which database or folder?'));
    if (!to)
      throw usage('--to is missing', `Say where: --to ./folder, --to ${URL_EXAMPLE} or --to env:NAME.`);
    const target = await openTarget(findPlace(to, session.config, io), io.env);
    const choices = {
      datasets: values.dataset,
      replace: values.replace === true,
      noOwner: values['no-owner'] === true,
      noPrivileges: values['no-privileges'] === true,
      ...(jobs === undefined ? {} : { jobs }),
      onProgress: session.progress.on,
      signal: io.signal,
    };
    const open = await OpenSalvage.open(session.repository, key, target, choices);
    const planned = await open.plan(choices);
    if (values['dry-run']) {
      await session.print(documentOf(planned), describePlanned(planned));
      return statusOf(planned);
    }
    if (!session.isJson && values.quiet !== true) session.progress.say(describePlanned(planned));
    if (planned.plan.drops.length > 0) {
      const question = `Drop ${plural(planned.plan.drops.length, 'object')} of ${planned.plan.target}?`;
      await ask.confirmDestruction(io, question, { yes: values.yes === true });
    }
    const began = performance.now();
    const result = await open.restore(choices);
    const { records, plainBytes, comparison } = result;
    const document = { ...documentOf(result), records, plainBytes, comparison };
    await session.report(document, describeResult(result, performance.now() - began), statusOf(result));
    return statusOf(result);
  },
};

function statusOf({ missing }: SalvagePlan): number {
  return missing.length > 0 ? 20 : 0;
}

function documentOf({ key, plan, missing, chunksFromElsewhere }: SalvagePlan): object {
  return { ...planDocument(key, plan), missing, chunksFromElsewhere };
}

function describePlanned({ key, plan, missing, chunksFromElsewhere }: SalvagePlan): string {
  return describePlan(key, plan, 'Salvage') + elsewhere(chunksFromElsewhere) + describeMissing(missing);
}

function describeResult(result: SalvageResult, ms: number): string {
  const { key, plan, comparison, records, plainBytes, missing, chunksFromElsewhere } = result;
  return `Salvaged ${backupName(key)} to ${plan.target} in ${duration(ms)}
  ${plural(records, 'record')}, ${bytes(plainBytes)}
  read back: ${plural(comparison.length, 'dataset')} compared with what was read from the backup, all equal
${plan.isPlain ? `  ${PLAIN}\n` : ''}${elsewhere(chunksFromElsewhere)}${describeMissing(missing)}`;
}

function elsewhere(chunks: number): string {
  return chunks === 0 ? '' : `${plural(chunks, 'damaged chunk')} taken from equal ones elsewhere\n`;
}
