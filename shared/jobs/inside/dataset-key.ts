import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import { contentsOf } from '../restore/contents.ts';
import { datasetNamed } from './read-rows.ts';
import { rowShapeOf } from './row-shape.ts';

/** Names of the columns that rows of a dataset are told apart by; none if by all that they hold. @throws E_NO_DATASET */
export async function datasetKey(
  repository: Repository,
  key: BackupKey,
  dataset: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const contents = contentsOf(await repository.openBackup(key, signal));
  const { columns, key: places } = await rowShapeOf(contents, datasetNamed(contents, dataset), signal);
  return places.map((place) => columns[place]?.name ?? '');
}
