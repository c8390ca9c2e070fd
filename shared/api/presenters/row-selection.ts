import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { plural } from '../../core/plural.ts';
import type { RowChoice } from '../../jobs/inside/chosen-records.ts';
import { datasetKey } from '../../jobs/inside/dataset-key.ts';
import type { DatasetRows, RestoreRowsOptions, RowsPlan } from '../../jobs/inside/rows-plan.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RowSelection } from '../schema/inside.ts';
import { type ApiRestorePlan, TARGET_STATES, type TargetState } from '../schema/runs.ts';
import { ApiError } from '../server/api-error.ts';

const MOST_TABLE_CHARS = 40;

type Asked = Omit<RestoreRowsOptions, 'signal'>;

/** What a request says about the rows that are put back. @throws E_BAD_REQUEST for a key of another form, E_NO_DATASET */
export async function rowsAsked(
  repository: Repository,
  key: BackupKey,
  { more = [], onConflict, beside, ...first }: RowSelection,
  signal: AbortSignal,
): Promise<Asked> {
  const choices: RowChoice[] = [];
  for (const { dataset, where, keys, all, remove } of [first, ...more]) {
    const columns = keys ? await datasetKey(repository, key, dataset, signal) : [];
    const rows = keys?.map((values) => {
      if (values.length !== columns.length) throw otherKey(dataset, columns, values.length);
      return Object.fromEntries(columns.map((name, i) => [name, values[i] ?? null]));
    });
    choices.push({
      dataset,
      ...(where ? { where } : {}),
      ...(rows ? { keys: rows } : {}),
      ...(all ? { all } : {}),
      ...(remove ? { removals: remove } : {}),
    });
  }
  return { choices, onConflict, beside: besideName(beside, first.dataset, key) };
}

function otherKey(dataset: string, columns: readonly string[], got: number): ApiError {
  const form = columns.length === 0 ? 'there is none' : `it is (${columns.join(', ')})`;
  const problem = `one has ${got} values, which is not the key of ${dataset}: ${form}`;
  return new ApiError('E_BAD_REQUEST', `rows.keys: ${problem}`, {
    fields: [{ field: 'rows.keys', problem }],
    hint: 'Choose rows without a key with rows.where.',
  });
}

/** Of a table that is made for it: the same for the same backup, so that a plan and its restore mean one table. */
function besideName(beside: RowSelection['beside'], dataset: string, key: BackupKey): string | undefined {
  if (typeof beside === 'string') return beside;
  if (!beside) return undefined;
  const table = (dataset.split('.').at(-1) ?? '').replaceAll(/[^\p{L}\p{N}_]/gu, '');
  const [, date = '', time = ''] = /_(\d{8})_(\d{6})\.json$/.exec(key) ?? [];
  return `${table.slice(0, MOST_TABLE_CHARS)}_${date}_${time}`;
}

/** The plan of rows, as the plan of a restore is answered. */
export function rowsPlanJson({ target, beside, datasets, violations, warnings }: RowsPlan): ApiRestorePlan {
  return {
    target,
    datasets: datasets.map(({ dataset, added, changed }) => ({
      name: dataset,
      records: added + changed,
      plainBytes: 0,
    })),
    steps: datasets.map((rows) => stepOf(rows, beside)),
    conflicts: [...violations],
    drops: [],
    losses: [],
    warnings: [...warnings],
    rows: {
      ...(beside === undefined ? {} : { beside }),
      datasets: datasets.map(({ dataset, key, added, changed, removed, kept, same, notFound }) => ({
        name: dataset,
        key: [...key],
        added,
        changed,
        removed,
        kept,
        same,
        notFound: notFound.length,
      })),
      violations: [...violations],
    },
  };
}

function stepOf({ dataset, added, changed, removed, kept }: DatasetRows, beside: string | undefined): string {
  if (beside !== undefined) return `make ${beside} with ${plural(added, 'row')} of ${dataset}`;
  const removing = removed > 0 ? `, remove ${removed}` : '';
  return `${dataset}: add ${plural(added, 'row')}, change ${changed}${removing}, leave ${kept} that differ`;
}

/** What a restore of rows did, for the result of its run. */
export function rowFigures({ datasets }: RowsPlan) {
  const sum = (of: 'added' | 'changed' | 'removed' | 'kept' | 'same') =>
    datasets.reduce((all, dataset) => all + dataset[of], 0);
  const [added, changed, removed] = [sum('added'), sum('changed'), sum('removed')];
  return {
    records: added + changed + removed,
    added,
    changed,
    removed,
    kept: sum('kept'),
    same: sum('same'),
  };
}

/** Of the target, after rows were not put back: what failed was one transaction, or a new table that is read back when it is there. */
export function stateAfterRows({ beside }: Pick<RowSelection, 'beside'>, error: unknown): TargetState {
  const { state } = detailsOf(error);
  const known = TARGET_STATES.find((one) => one === state);
  if (known) return known;
  return beside && isHoldfastError(error, 'E_RESTORE_DIFFERS') ? 'different' : 'untouched';
}

/** Also of an error that was put into words of the API. */
function detailsOf(error: unknown): Readonly<Record<string, unknown>> {
  if (!isHoldfastError(error)) return {};
  return error.details['state'] === undefined ? detailsOf(error.cause) : error.details;
}
