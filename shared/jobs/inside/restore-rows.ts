import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import { pluginOf } from '../../sources/registry.ts';
import type { OnConflict, RowSession, RowTarget, StagedRows } from '../../sources/row-target.ts';
import { contentsOf } from '../restore/contents.ts';
import { ChosenRecords, keyValues, type RowChoice } from './chosen-records.ts';
import { nearContents } from './near-contents.ts';
import { datasetNamed } from './read-rows.ts';
import { putBeside } from './restore-beside.ts';
import { rowShapeOf } from './row-shape.ts';
import type { ChosenRows, DatasetRows, RestoreRowsOptions, RowPlace, RowsPlan } from './rows-plan.ts';
import { settle, unsettled } from './settle-rows.ts';

/**
 * What would be done. The rows are brought to the server, compared and checked there, and forgotten.
 *
 * @throws E_USAGE for a condition or a key that cannot be, E_NO_DATASET; E_ROWS_REFUSED if rows cannot be matched at all;
 *   E_TARGET_NOT_EMPTY, E_SOURCE_*, E_DAMAGED, E_STORE_*
 */
export function planRows(
  repository: Repository,
  key: BackupKey,
  place: RowPlace,
  options: RestoreRowsOptions,
): Promise<RowsPlan> {
  return putBack(repository, key, place, { ...options, isDryRun: true });
}

/**
 * Puts rows of a backup back, all of them in one transaction or none, and reads them back before they are committed; from a table
 * beside they are read back afterwards. If the connection is lost at the commit, the target is looked at again: rows that are there
 * were written.
 *
 * @throws as `planRows`; E_ROWS_REFUSED naming what stands against it, E_RESTORE_DIFFERS if they do not read back: nothing was changed;
 *   E_SOURCE_LOST, E_ABORTED with `details.state` 'unknown' if nobody knows whether they were committed
 */
export function restoreRows(
  repository: Repository,
  key: BackupKey,
  place: RowPlace,
  options: RestoreRowsOptions,
): Promise<RowsPlan> {
  return putBack(repository, key, place, { ...options, isDryRun: false });
}

type Work = RestoreRowsOptions & { readonly isDryRun: boolean };

async function putBack(
  repository: Repository,
  key: BackupKey,
  place: RowPlace,
  work: Work,
): Promise<RowsPlan> {
  const target = await openRowTarget(place);
  const reader = await repository.openBackup(key, work.signal);
  refuseOtherKind(reader, target);
  refuseTwice(work.choices);
  const chosen = await chooseAll(reader, work.choices, work.signal);
  if (work.beside !== undefined) return putBeside({ key, place, target, chosen, work });
  const about = { key, target: target.name };
  const done = await inTransaction(target, about, chosen, work);
  if (!('lost' in done)) return done;
  const { plan, lost } = done;
  const state = await settle(async (signal) => {
    const again = { ...work, isDryRun: false, signal };
    const session = await target.open(again);
    const rows = await chooseAll(reader, work.choices, signal);
    return {
      plan: () => planTables(session, about, rows, again),
      write: () => session.write(again.onConflict ?? 'fail'),
      [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
    };
  });
  if (state !== 'written') throw unsettled(lost, state, target.name);
  const warning = `the connection was lost at the commit; ${target.name} was looked at again, and all rows are there`;
  return { ...plan, warnings: [...plan.warnings, warning] };
}

async function chooseAll(
  reader: BackupReader,
  choices: readonly RowChoice[],
  signal: AbortSignal,
): Promise<readonly ChosenRows[]> {
  const chosen: ChosenRows[] = [];
  for (const choice of choices) chosen.push(await choose(reader, choice, signal));
  return chosen;
}

type About = Pick<RowsPlan, 'key' | 'target'>;

/** @returns the plan; with `lost`, nobody knows whether it was carried out */
async function inTransaction(
  target: RowTarget,
  about: About,
  chosen: readonly ChosenRows[],
  work: Work,
): Promise<RowsPlan | { readonly plan: RowsPlan; readonly lost: unknown }> {
  const { onConflict = 'fail', isDryRun, signal } = work;
  await using session = await target.open(work);
  const plan = await planTables(session, about, chosen, work);
  if (isDryRun) return plan;
  refuse(plan, onConflict);
  await session.write(onConflict);
  const unequal = await session.unequal(onConflict);
  if (unequal.length > 0)
    throw new HoldfastError(
      'E_RESTORE_DIFFERS',
      `rows do not read back as they were written: ${unequal.join(', ')}; nothing was changed`,
      { hint: 'A trigger may have changed them: disable it for as long as the restore takes.' },
    );
  throwIfAborted(signal);
  try {
    await session.commit();
  } catch (lost) {
    if (!signal.aborted && !isHoldfastError(lost, 'E_SOURCE_LOST')) throw lost;
    return { plan, lost };
  }
  return plan;
}

/** @throws E_USAGE */
function refuseTwice(choices: readonly RowChoice[]): void {
  const names = choices.map(({ dataset }) => dataset);
  const twice = names.find((name, i) => names.indexOf(name) < i);
  if (twice !== undefined) throw new HoldfastError('E_USAGE', `${twice} is named twice`);
}

/** The place as a target of single rows; nothing is connected yet. @throws E_USAGE for a kind that takes none, E_CONFIG */
export async function openRowTarget({ config, env }: RowPlace): Promise<RowTarget> {
  const { plugin = pluginOf(config.kind) } = config;
  const target = await plugin.openRowTarget?.(config, env);
  if (target) return target;
  throw new HoldfastError('E_USAGE', `single rows cannot be put back into a target of kind ${config.kind}`, {
    hint: 'Restore whole datasets; `holdfast help restore` says what else each kind of target can do.',
  });
}

function refuseOtherKind({ manifest }: BackupReader, target: RowTarget): void {
  const { kind } = manifest.source;
  if (kind === target.kind) return;
  throw new HoldfastError(
    'E_USAGE',
    `${manifest.key} is a backup of a ${kind} source; its rows cannot be put back into ${target.name}`,
    { hint: `Give a target of kind ${kind}.` },
  );
}

async function choose(reader: BackupReader, choice: RowChoice, signal: AbortSignal): Promise<ChosenRows> {
  const contents = contentsOf(reader);
  const dataset = datasetNamed(contents, choice.dataset);
  if (dataset.kind !== 'data')
    throw new HoldfastError('E_USAGE', `${dataset.name} has definitions, not rows`);
  const shape = await rowShapeOf(contents, dataset, signal);
  const records = new ChosenRecords(shape, choice);
  for (const row of choice.removals ?? []) keyValues(shape, row, dataset.name);
  const warnings = new Set<string>();
  const near = nearContents(reader, contents, {
    dataset,
    ranges: records.rangesOf(dataset),
    onWarning: (warning) => warnings.add(warning),
  });
  return {
    dataset,
    records,
    warnings,
    rows: {
      dataset,
      key: shape.key.map((place) => shape.columns[place]?.name ?? ''),
      records: () => records.read(near, dataset, signal),
      removals: choice.removals ?? [],
    },
  };
}

async function planTables(
  session: RowSession,
  about: About,
  chosen: readonly ChosenRows[],
  { onConflict = 'fail' }: Work,
): Promise<RowsPlan> {
  const datasets: DatasetRows[] = [];
  const conflicts: string[] = [];
  const warnings: string[] = [];
  for (const { rows, records, warnings: noticed } of chosen) {
    const staged = await session.stage(rows);
    const { dataset, different, removableDifferent } = staged;
    datasets.push(datasetRows(staged, records, onConflict));
    if (onConflict === 'fail' && different + removableDifferent > 0) conflicts.push(conflictText(staged));
    warnings.push(...noticed, ...staged.warnings);
    if (staged.triggers.length > 0)
      warnings.push(`triggers of ${dataset} will fire: ${staged.triggers.join(', ')}`);
  }
  const violations = [...conflicts, ...(await session.violations(onConflict))];
  return { ...about, datasets, violations, warnings };
}

function datasetRows(
  { dataset, key, missing, different, same, removable, removableDifferent }: StagedRows,
  { notFound }: ChosenRecords,
  onConflict: OnConflict,
): DatasetRows {
  const isReplaced = onConflict === 'replace';
  return {
    dataset,
    key,
    added: missing,
    changed: isReplaced ? different : 0,
    removed: removable + (isReplaced ? removableDifferent : 0),
    kept: isReplaced ? 0 : different + removableDifferent,
    same,
    notFound,
  };
}

function conflictText({ dataset, different, removableDifferent, differentKeys }: StagedRows): string {
  const named = differentKeys.map((key) => `(${key})`).join(', ');
  const parts = [
    ...(different > 0
      ? [
          `${plural(different, 'row')} of the target ${different === 1 ? 'differs' : 'differ'}: ${named}${different > differentKeys.length ? ' and more' : ''}`,
        ]
      : []),
    ...(removableDifferent > 0 ? [`${plural(removableDifferent, 'row')} to be removed changed since`] : []),
  ];
  return `${dataset}: ${parts.join('; ')}`;
}

function refuse({ datasets, violations }: RowsPlan, onConflict: OnConflict): void {
  if (violations.length === 0) return;
  const isConflict = onConflict === 'fail' && datasets.some(({ kept }) => kept > 0);
  throw new HoldfastError('E_ROWS_REFUSED', `${violations.join('; ')}; nothing was changed`, {
    hint: isConflict
      ? 'Pass --on-conflict replace to make them as in the backup, or skip to leave them; or put the rows into a new table: --beside NAME.'
      : 'Choose the rows that these need too, or put them into a new table: --beside NAME.',
    details: { violations: violations.length },
  });
}
