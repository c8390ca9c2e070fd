import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { DatasetPlan } from '../../source.ts';

/** Stands between an instance and its dataset: neither a key nor the name of an instance can hold one. */
const BETWEEN = '/';

/** `characters` of `eu` is `eu/characters`. */
export function nameIn(instance: string, dataset: string): string {
  return `${instance}${BETWEEN}${dataset}`;
}

/** The instance and the dataset of such a name. */
export function splitName(name: string): readonly [instance: string, dataset: string] {
  const at = name.indexOf(BETWEEN);
  return at < 0 ? ['', name] : [name.slice(0, at), name.slice(at + 1)];
}

/** The instance that a dataset belongs to; undefined in a backup of one database. */
export function instanceOf({ attributes }: Pick<DatasetPlan, 'attributes'>): string | undefined {
  const instance = attributes['instance'];
  return instance === undefined ? undefined : String(instance);
}

/** Instances that a backup is of, in its order; none if it is of one database. */
export function instancesIn({ datasets }: Pick<BackupContents, 'datasets'>): readonly string[] {
  return [...new Set(datasets.map(instanceOf).filter((name) => name !== undefined))];
}

/** One instance of a backup, as if it were a backup of that database. */
export function contentsOfInstance(contents: BackupContents, instance: string): BackupContents {
  const own = contents.datasets.filter((dataset) => instanceOf(dataset) === instance);
  const stored = ({ name }: StoredDataset): StoredDataset => {
    const whole = nameIn(instance, name);
    const found = own.find((dataset) => dataset.name === whole);
    if (found) return found;
    throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${whole}'`);
  };
  return {
    ...contents,
    datasets: own.map((dataset) => ({ ...dataset, name: splitName(dataset.name)[1] })),
    read: (dataset, partition, signal) => contents.read(stored(dataset), partition, signal),
    copy: (dataset, partition, to, signal) => contents.copy(stored(dataset), partition, to, signal),
  };
}

/** What is meant of a backup of several instances. */
export interface InstanceChoice {
  readonly instance?: string | undefined;
  readonly datasets?: readonly string[] | undefined;
}

/**
 * The instances that are meant by name, or by the datasets that are named; all without either.
 *
 * @throws E_NO_DATASET, E_USAGE
 */
export function chosenInstances(
  contents: BackupContents,
  { instance, datasets }: InstanceChoice,
): readonly string[] {
  const all = instancesIn(contents);
  if (instance !== undefined && !all.includes(instance))
    throw new HoldfastError(
      'E_USAGE',
      all.length === 0
        ? `the backup is of one database, and has no instance '${instance}'`
        : `the backup has no instance '${instance}'; it has ${all.join(', ')}`,
      { hint: all.length === 0 ? 'Leave --instance out.' : 'Name one of those with --instance.' },
    );
  const named = new Set(datasets?.map((name) => splitName(name)[0]));
  const strange = datasets?.find((name) => !all.includes(splitName(name)[0]));
  if (strange !== undefined)
    throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${strange}'`, {
      hint: 'Datasets of several instances are called INSTANCE/NAME; `holdfast show KEY` lists them.',
    });
  const other = [...named].find((name) => instance !== undefined && name !== instance);
  if (other !== undefined)
    throw new HoldfastError('E_USAGE', `--instance is '${instance}', and a dataset of '${other}' is named`, {
      hint: 'Leave out one of the two.',
    });
  return all.filter((name) =>
    instance === undefined ? datasets === undefined || named.has(name) : name === instance,
  );
}

/** Names of datasets within an instance. */
export function datasetsWithin(
  instance: string,
  datasets: readonly string[] | undefined,
): readonly string[] | undefined {
  return datasets?.filter((name) => splitName(name)[0] === instance).map((name) => splitName(name)[1]);
}

/**
 * The one instance to use, if its target takes only one.
 *
 * @param what takes only one, as messages say it
 * @throws E_NO_DATASET, E_USAGE
 */
export function chooseOne(contents: BackupContents, choice: InstanceChoice, what: string): string {
  const [only, ...others] = chosenInstances(contents, choice);
  if (only !== undefined && others.length === 0) return only;
  throw new HoldfastError(
    'E_USAGE',
    `the backup is of several instances (${instancesIn(contents).join(', ')}), and ${what}`,
    {
      hint: 'Name one: --instance NAME, or --dataset INSTANCE/NAME. A target of the configuration with `instances` takes all.',
    },
  );
}

/**
 * That instance and its datasets; a backup of one database is what it is.
 *
 * @throws E_NO_DATASET, E_USAGE
 */
export function ofOneInstance(
  contents: BackupContents,
  choice: InstanceChoice,
): { readonly contents: BackupContents; readonly datasets: readonly string[] | undefined } {
  if (instancesIn(contents).length === 0) {
    if (choice.instance !== undefined) chosenInstances(contents, choice);
    return { contents, datasets: choice.datasets };
  }
  const instance = chooseOne(contents, choice, 'an export is of one database');
  return {
    contents: contentsOfInstance(contents, instance),
    datasets: datasetsWithin(instance, choice.datasets),
  };
}
