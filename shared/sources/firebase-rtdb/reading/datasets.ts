import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { DatasetPlan } from '../../source.ts';

/** Names that no top-level node can have, as keys hold no dot. */
export const ROOT_DATASET = '.root';
/** The dataset of the root's own priority. */
export const OWN_DATASET = '.priority';
/** The dataset of the rules. */
export const RULES_DATASET = '.settings/rules';
/** The dataset of ETags, by which the next backup recognises unchanged data. */
export const ETAGS_DATASET = '.etags';
/** The name of the only partition of a dataset. */
export const DATA_PARTITION = '0';

/** More top-level nodes than this are not a dataset each: the whole is one, and they are its records. */
export const MOST_DATASETS = 2000;

/**
 * What a dataset is; kept in the sealed catalog. `node`: the children of a top-level node. `root`: the children of the root, or
 * its own value. `own`: what the root says of itself, its priority, beside nodes that are datasets. `rules`: the security
 * rules. `etags`: which data it was.
 */
export function roleOf({ attributes }: Pick<DatasetPlan, 'attributes'>): string {
  return String(attributes['role'] ?? '');
}

/** The dataset's node, from the base of the backup. */
export function keysOfDataset(dataset: Pick<DatasetPlan, 'name' | 'attributes'>): readonly string[] {
  return roleOf(dataset) === 'node' ? [dataset.name] : [];
}

/** The dataset of that name in a backup. */
export function storedDataset(contents: BackupContents | undefined, name: string): StoredDataset | undefined {
  return contents?.datasets.find((dataset) => dataset.name === name);
}
