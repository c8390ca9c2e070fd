import { encodeUpgradeFile, readUpgradeFile, UPGRADE_FILE } from '../../format/upgrade-file.ts';
import type { Repository } from '../../repository/repository.ts';
import { formatToWrite } from '../../repository/writing/format-to-write.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';

export interface UpgradeResult {
  readonly location: string;
  readonly repositoryId: string;
  /** What backups are written in from now on. */
  readonly formatVersion: number;
  /** False where they were before. */
  readonly isChanged: boolean;
}

/** Whether backups are written in format 2 already. @throws E_NO_KEY, E_STORE_* */
export async function isUpgradedAlready(repository: Repository, signal: AbortSignal): Promise<boolean> {
  repository.context.keys.provider();
  return (await formatToWrite(repository.context, [], signal)) === 2;
}

/**
 * Has backups written in format 2 from the next one on; what is stored stays as it is. Writes one object. Repeatable.
 *
 * @throws E_NO_KEY, E_DAMAGED where something else has the name of that object, E_STORE_*
 */
export async function upgradeRepository(repository: Repository, signal: AbortSignal): Promise<UpgradeResult> {
  const { context, store, clock, id } = repository;
  const result = { location: store.location, repositoryId: id, formatVersion: 2 };
  if (await isUpgradedAlready(repository, signal)) return { ...result, isChanged: false };
  const secret = await context.secret(signal);
  const bytes = encodeUpgradeFile({ id, upgradedAt: clock.now().toISOString() }, secret);
  const isChanged = await putIfAbsent(UPGRADE_FILE, bytes, store, { signal });
  // Also where it was put just now: a backup that is to follow it reads it.
  const stored = await getIfThere(UPGRADE_FILE, store, signal);
  readUpgradeFile(stored ?? new Uint8Array(0), id, secret);
  return { ...result, isChanged };
}
