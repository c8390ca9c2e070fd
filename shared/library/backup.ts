import { type BackupResult, type BackupOptions as JobOptions, runBackup } from '../jobs/backup/backup.ts';
import { noteOfBackup } from '../jobs/runs/record-run.ts';
import { namedSource } from '../jobs/source/same-source.ts';
import { type Place, sourceAt } from './places.ts';
import { type RunOptions, recorded } from './recorded.ts';
import { engineOf, NEVER, type OpenRepository } from './repository.ts';

/** What a backup is to be called, compared with, and judged by. */
export interface BackupOptions
  extends RunOptions,
    Pick<JobOptions, 'type' | 'note' | 'suspects' | 'allowEmpty' | 'fullRead' | 'noParent'> {
  /** The source's name in its backups. @default the source's location, without secrets */
  readonly name?: string;
}

/**
 * Backs up a database as of one moment, and stores what is new. No backup is listed until everything is
 * stored. A backup that lost much compared with the one before is stored and has `suspect`.
 *
 * @param source a URL or a path
 * @throws HoldfastError E_SOURCE_*, E_EMPTY_READ, E_NO_KEY, E_STORE_*, E_ABORTED
 */
export async function backup(
  opened: OpenRepository,
  source: string | Place,
  options: BackupOptions = {},
): Promise<BackupResult> {
  const { name, signal = NEVER, type = 'manual', ...rest } = options;
  const found = await sourceAt(source);
  const named = name === undefined ? found : namedSource(found, name);
  const work = () => runBackup(engineOf(opened).repository, named, { ...rest, type, signal });
  const about = { kind: 'backup', source: named.name, type } as const;
  return recorded(opened, about, work, { ...options, noteOf: noteOfBackup });
}
