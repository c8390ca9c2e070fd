import type { JsonObject } from '../../../core/json.ts';
import type { DatasetProof } from './compare-with-stream.ts';

/** Compared datasets, as the sealed part of reports has them: names, and keys of rows. */
export function provenDatasets(datasets: readonly DatasetProof[]): JsonObject[] {
  return datasets.map(({ why, columns, differences, ...rest }) => ({
    ...rest,
    why: why ?? null,
    columns: [...columns],
    differences: differences.map(({ problem, key }) => ({ problem, key: [...key] })),
  }));
}
