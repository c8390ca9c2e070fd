import { HoldfastError } from '../core/errors.ts';
import type { BackupKey } from '../core/ids.ts';
import type { Repository } from '../repository/repository.ts';
import { isGood, summariseEntry } from './list.ts';

/**
 * The newest backup that nothing speaks against: its manifest proves to be Holdfast's, it is not suspect or somebody
 * accepted it, and its last verification found no damage. An imported one only where there is no other.
 *
 * @param options.source part of the source's name; with `isWholeName`, all of it
 * @throws E_NO_BACKUP
 */
export async function newestGoodBackup(
  repository: Repository,
  options: {
    readonly source?: string | undefined;
    readonly isWholeName?: boolean;
    readonly signal: AbortSignal;
  },
): Promise<BackupKey> {
  const { source, isWholeName = false, signal } = options;
  const isMeant = (name: string) => (isWholeName ? name === source : name.includes(source ?? ''));
  const marks = await repository.marks(signal);
  let imported: BackupKey | undefined;
  for (const key of await repository.backupKeys(signal)) {
    const entry = await repository.inspectIfListed(key, signal);
    if (!entry?.manifest || !isMeant(entry.manifest.source.name)) continue;
    if (!isGood(summariseEntry(entry, marks.of(key)))) continue;
    if (!entry.manifest.imported) return key;
    imported ??= key;
  }
  if (imported) return imported;
  const of =
    source === undefined ? '' : ` of a source whose name ${isWholeName ? 'is' : 'contains'} '${source}'`;
  throw new HoldfastError('E_NO_BACKUP', `there is no good backup${of}: none is whole and beyond suspicion`, {
    hint: 'Run `holdfast list` to see what there is, and name the backup to drill.',
  });
}
