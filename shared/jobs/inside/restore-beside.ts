import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import { SECOND_MS } from '../../core/units.ts';
import { RecordDigest } from '../../format/record-digest.ts';
import type { StoredDataset } from '../../sources/contents.ts';
import type { RowTarget } from '../../sources/row-target.ts';
import { openTarget } from '../source/adapters.ts';
import type { ChosenRows, RestoreRowsOptions, RowPlace, RowsPlan } from './rows-plan.ts';

/** A look after a lost connection does not take longer. */
const LOOK_MS = 10 * SECOND_MS;

/** Puts the rows into a new table and reads that back. @throws E_USAGE for rows of several datasets, E_RESTORE_DIFFERS */
export async function putBeside({
  key,
  place,
  target,
  chosen,
  work,
}: {
  readonly key: BackupKey;
  readonly place: RowPlace;
  readonly target: RowTarget;
  readonly chosen: readonly ChosenRows[];
  readonly work: RestoreRowsOptions & { readonly isDryRun: boolean };
}): Promise<RowsPlan> {
  const { beside = '', isDryRun, signal } = work;
  const [only, ...others] = chosen;
  if (!only || others.length > 0)
    throw new HoldfastError('E_USAGE', `--beside takes rows of one dataset, got ${chosen.length}`, {
      hint: 'Name one with --dataset.',
    });
  const { dataset, records, rows } = only;
  if (rows.removals.length > 0)
    throw new HoldfastError('E_USAGE', `rows are put beside ${dataset.name}, and none of it can be removed`, {
      hint: 'Leave out the rows to remove, or put the rows into their own table.',
    });
  const digest = new RecordDigest();
  const read = async function* () {
    for await (const block of rows.records()) {
      digest.update(block);
      yield block;
    }
  };
  if (isDryRun) for await (const _ of rows.records());
  const made = await target
    .writeBeside({ ...rows, records: read }, { table: beside, isDryRun, signal })
    .catch(async (error: unknown) => {
      if (isDryRun || !isHoldfastError(error, 'E_SOURCE_LOST')) throw error;
      throw withState(error, await stateOf(target, rows, beside), beside);
    });
  if (!isDryRun) await compareBeside(place, made, digest, signal);
  const { count: added, notFound } = records;
  const counts = { key: [], added, changed: 0, removed: 0, kept: 0, same: 0, notFound };
  return {
    key,
    target: target.name,
    beside: made.name,
    datasets: [{ dataset: dataset.name, ...counts }],
    violations: [],
    warnings: [...only.warnings],
  };
}

/** Whether the new table is there, of which nobody knows how far it got. */
async function stateOf(
  target: RowTarget,
  rows: ChosenRows['rows'],
  table: string,
): Promise<'untouched' | 'part' | 'unknown'> {
  try {
    await target.writeBeside(rows, { table, isDryRun: true, signal: AbortSignal.timeout(LOOK_MS) });
    return 'untouched';
  } catch (error) {
    return isHoldfastError(error, 'E_TARGET_NOT_EMPTY') ? 'part' : 'unknown';
  }
}

function withState(
  cause: HoldfastError,
  state: Awaited<ReturnType<typeof stateOf>>,
  table: string,
): HoldfastError {
  const said = {
    untouched: `${table} was not made`,
    part: `${table} was made, and may lack rows: drop it before you run it again`,
    unknown: `nobody could look whether ${table} was made`,
  }[state];
  return new HoldfastError(cause.code, `${cause.message}; ${said}`, {
    cause,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
    details: { ...cause.details, state },
  });
}

/** Reads the table as a backup would. @throws E_RESTORE_DIFFERS */
async function compareBeside(
  { config, env }: RowPlace,
  made: StoredDataset,
  wanted: RecordDigest,
  signal: AbortSignal,
): Promise<void> {
  const target = await openTarget(config, env);
  await using view = await target.asSource([made]).open(signal);
  const found = new RecordDigest();
  const plan = view.datasets.find(({ name }) => name === made.name);
  for (const partition of plan?.partitions ?? [])
    if (plan) for await (const block of view.read(plan, partition, signal)) found.update(block);
  if (plan && wanted.differingBuckets(found).length === 0) return;
  throw new HoldfastError(
    'E_RESTORE_DIFFERS',
    `${made.name} does not match what was written to it (${plural(found.records, 'row')} there, ${plural(wanted.records, 'row')} written)`,
    { hint: 'Check whether something else writes to the table, drop the table, and run this again.' },
  );
}
