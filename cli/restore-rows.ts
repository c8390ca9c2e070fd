import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { backupName } from '../shared/core/backup-words.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import type { RowChoice } from '../shared/jobs/inside/chosen-records.ts';
import { datasetKey } from '../shared/jobs/inside/dataset-key.ts';
import { planRows, restoreRows } from '../shared/jobs/inside/restore-rows.ts';
import { readRowsFile } from '../shared/jobs/inside/rows-file.ts';
import type { RowPlace, RowsPlan } from '../shared/jobs/inside/rows-plan.ts';
import { contentsOf } from '../shared/jobs/restore/contents.ts';
import type { OnConflict } from '../shared/sources/row-target.ts';
import { ask } from './ask.ts';
import { usage } from './command.ts';
import { number, plural } from './format.ts';
import { findPlace } from './load-config.ts';
import { recordedCommand } from './recorded.ts';
import type { CommandSession } from './session.ts';

/** Options of restores of single rows. */
export const ROW_OPTIONS = {
  where: { type: 'string', short: 'w', multiple: true },
  rows: { type: 'string' },
  'on-conflict': { type: 'string' },
  beside: { type: 'string' },
  'remove-added': { type: 'boolean' },
} as const;

/** Help on them. */
export const ROW_HELP = `Only some rows, into tables that are there:
  -w, --where CONDITION   rows for which it holds, as in \`holdfast rows\`; may be repeated, then all must hold. With several
                          --dataset, 'NAME: CONDITION' is of one of them
      --rows FILE         rows by their primary keys: one a line, CSV with a header, or NDJSON. Of lines that
                          \`holdfast diff KEY live --format ndjson\` printed, what was removed or changed comes back
      --remove-added      with --rows FILE of such lines: what was added since is removed; without it, it stays
      --on-conflict WHAT  rows that the target has and that differ: fail (default): write nothing; skip: leave
                          them; replace: make them as in the backup
      --beside NAME       put the rows into a new table of that name, beside their own
`;

const CONFLICTS = ['fail', 'skip', 'replace'] as const satisfies readonly OnConflict[];
/** Options of whole restores, which say nothing of rows. */
const WHOLE = ['replace', 'keep-going', 'no-owner', 'no-privileges', 'compare', 'jobs', 'profile'] as const;

/** What was typed. */
export interface RowFlags {
  readonly to?: string | undefined;
  readonly dataset?: readonly string[] | undefined;
  readonly where?: readonly string[] | undefined;
  readonly rows?: string | undefined;
  readonly 'on-conflict'?: string | undefined;
  readonly beside?: string | undefined;
  readonly 'remove-added'?: boolean | undefined;
  readonly 'dry-run'?: boolean | undefined;
  readonly yes?: boolean | undefined;
  readonly [option: string]: unknown;
}

/** Whether a restore is of single rows. */
export function isOfRows(values: RowFlags): boolean {
  return Object.keys(ROW_OPTIONS).some((name) => values[name] !== undefined);
}

/** Restores rows. @returns the exit status */
export async function restoreRowsFrom(
  session: CommandSession,
  values: RowFlags,
  key: BackupKey,
  special: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { io } = session;
  refuseOthers(values, special);
  const onConflict = conflictOf(values);
  if (!values.to) throw usage('--to is missing', 'Say which database: a name, env:NAME or a URL.');
  const place: RowPlace = { config: findPlace(values.to, session.config, io), env: io.env };
  const { choices, staying } = await choicesOf(session, values, key);
  const options = { choices, onConflict, beside: values.beside, signal: io.signal };
  const planned = await planRows(session.repository, key, place, options);
  const plan = { ...planned, warnings: [...staying, ...planned.warnings] };
  if (values['dry-run']) {
    await session.print(document(plan, onConflict), describe(plan, 'Would put back'));
    return 0;
  }
  if (!session.isJson && values['quiet'] !== true) session.progress.say(describe(plan, 'Puts back'));
  const lost = plan.datasets.reduce((sum, { changed, removed }) => sum + changed + removed, 0);
  if (lost > 0 && plan.violations.length === 0)
    await ask.confirmDestruction(io, `Change or remove ${plural(lost, 'row')} of ${plan.target}?`, {
      yes: values.yes === true,
    });
  const about = { kind: 'restore', backup: key, target: plan.target } as const;
  const work = (signal: AbortSignal) => restoreRows(session.repository, key, place, { ...options, signal });
  const done = await recordedCommand(session, about, work, (result) => ({ records: written(result) }));
  const after = { ...done, warnings: [...staying, ...done.warnings] };
  await session.report(document(after, onConflict), describe(after, 'Put back'));
  return 0;
}

function refuseOthers(values: RowFlags, special: Readonly<Record<string, unknown>>): void {
  const other =
    WHOLE.find((name) => values[name] !== undefined && values[name] !== false) ?? Object.keys(special)[0];
  if (other !== undefined)
    throw usage(
      `--${other} is for whole restores, not for rows`,
      'Leave it out, or leave out --where, --rows, --on-conflict, --beside and --remove-added.',
    );
  if (values.where === undefined && values.rows === undefined && values.dataset === undefined)
    throw usage('which rows?', 'Name a table with --dataset and rows with --where, or a file with --rows.');
  refuseRemoving(values);
}

function refuseRemoving({ 'remove-added': removesAdded, rows, where, beside }: RowFlags): void {
  if (removesAdded !== true) return;
  if (rows === undefined)
    throw usage(
      '--remove-added needs --rows FILE',
      'Write the file with: holdfast diff KEY live --format ndjson > FILE',
    );
  const other = where === undefined ? (beside === undefined ? undefined : '--beside') : '--where';
  if (other !== undefined)
    throw usage(
      `--remove-added does not go with ${other}`,
      'It removes the added rows that the file names: leave out the lines of those that stay.',
    );
}

function conflictOf(values: RowFlags): OnConflict {
  const given = values['on-conflict'];
  if (given !== undefined && values.beside !== undefined)
    throw usage(
      '--on-conflict does not apply to --beside, which makes a new table',
      'Leave out one of the two.',
    );
  const found = CONFLICTS.find((known) => known === (given ?? 'fail'));
  if (found) return found;
  throw usage(`--on-conflict is '${given}'; allowed are ${CONFLICTS.join(', ')}`);
}

/** Which rows, and sentences on those of the file that stay. */
interface Chosen {
  readonly choices: readonly RowChoice[];
  readonly staying: readonly string[];
}

async function choicesOf(
  { io, repository }: CommandSession,
  { dataset: datasets, where = [], rows, 'remove-added': removesAdded = false }: RowFlags,
  key: BackupKey,
): Promise<Chosen> {
  const withConditions = (choice: RowChoice): RowChoice => ({
    ...choice,
    where: conditionsOf(choice.dataset, where, datasets ?? []),
  });
  if (rows === undefined) {
    if (!datasets)
      throw usage('--dataset is missing', "Name the table: --dataset public.orders --where 'id = 42'");
    return { choices: datasets.map((dataset) => withConditions({ dataset })), staying: [] };
  }
  const file = path.resolve(io.cwd, rows);
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw usage(`${file} cannot be read (${cause.code})`, 'Give a file of keys.');
  });
  const keyOf = (dataset: string) => datasetKey(repository, key, dataset, io.signal);
  const definitions = new Set<string>();
  const contents = contentsOf(await repository.openBackup(key, io.signal));
  const isDefinitions = async (name: string) => {
    const found = contents.datasets.some((one) => one.name === name && one.kind === 'schema');
    if (found) definitions.add(name);
    return found;
  };
  const about = { name: rows, datasets, keyOf, isDefinitions };
  const named = await readRowsFile(text.replace(/^\ufeff/, ''), about);
  const defined = [...definitions].map(
    (name) => `${name}: definitions differ too, and stay as they are: --rows puts back only rows`,
  );
  if (removesAdded) return { choices: named, staying: defined };
  const { choices, staying } = withoutRemovals(named, rows);
  return { choices: choices.map(withConditions), staying: [...defined, ...staying] };
}

/** Rows that were added since stay unless somebody says that they go. @throws E_USAGE if the file names no others */
function withoutRemovals(named: readonly RowChoice[], file: string): Chosen {
  const staying = named.flatMap(({ dataset, removals = [] }) =>
    removals.length > 0
      ? [`${dataset}: leaves ${plural(removals.length, 'row')} added since; --remove-added removes such rows`]
      : [],
  );
  const choices = named
    .filter(({ keys = [] }) => keys.length > 0)
    .map(({ dataset, keys = [] }) => ({ dataset, keys }));
  if (choices.length > 0) return { choices, staying };
  throw usage(`${file} names only rows that were added since`, 'Pass --remove-added to remove them.');
}

/** `NAME: CONDITION` is of that dataset alone. */
function conditionsOf(
  dataset: string,
  where: readonly string[],
  datasets: readonly string[],
): readonly string[] {
  return where.flatMap((text) => {
    const named = [...datasets, dataset].find((name) => text.startsWith(`${name}:`));
    if (named === undefined) return [text];
    return named === dataset ? [text.slice(named.length + 1)] : [];
  });
}

function written({ datasets }: RowsPlan): number {
  return datasets.reduce((sum, { added, changed, removed }) => sum + added + changed + removed, 0);
}

function document({ key, target, beside, datasets, violations, warnings }: RowsPlan, onConflict: OnConflict) {
  return { key, target, beside: beside ?? null, onConflict, datasets, violations, warnings };
}

function describe({ key, target, beside, datasets, violations, warnings }: RowsPlan, verb: string): string {
  const lines = datasets.flatMap((of) => {
    const facts = [
      `${number(of.added)} added`,
      ...(beside === undefined ? [`${number(of.changed)} changed`, `${number(of.removed)} removed`] : []),
      ...(of.kept > 0 ? [`${number(of.kept)} left as they are, though they differ`] : []),
      ...(of.same > 0 ? [`${number(of.same)} already the same`] : []),
    ];
    const by = of.key.length > 0 ? ` by ${of.key.join(', ')}` : '';
    const some = of.notFound.slice(0, 5).map((row) => `(${Object.values(row).join(', ')})`);
    const missing =
      of.notFound.length > 0
        ? [`  not in the backup: ${some.join(', ')}${of.notFound.length > some.length ? ' and more' : ''}`]
        : [];
    return [`  ${beside ?? of.dataset}${by}: ${facts.join(', ')}`, ...missing];
  });
  return [
    `${verb} rows of ${backupName(key)} in ${target}:`,
    ...lines,
    ...(violations.length > 0 ? ['In the way (nothing is written):'] : []),
    ...violations.map((text) => `  ${text}`),
    ...warnings.map((text) => `warning: ${text}`),
  ]
    .map((line) => `${line}\n`)
    .join('');
}
