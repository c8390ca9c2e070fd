import { type BackupSummary, listBackups } from '../jobs/status/list.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** Which backups are wanted. */
export interface ListOptions {
  /** Only backups of this source, by name. */
  readonly source?: string;
  /** Only backups of this type, such as `daily`. */
  readonly type?: string;
  readonly signal?: AbortSignal;
}

/**
 * All backups, newest first, with what reports say about them. Damaged ones are listed as damaged.
 *
 * @throws HoldfastError E_STORE_*, E_ABORTED
 */
export async function list(
  opened: OpenRepository,
  { source, type, signal = NEVER }: ListOptions = {},
): Promise<readonly BackupSummary[]> {
  const all = await listBackups(engineOf(opened).repository, { type, signal });
  return source === undefined ? all : all.filter((backup) => backup.source.name === source);
}
