import { encodeUpgradeFile, readUpgradeFile, UPGRADE_FILE } from '../../format/upgrade-file.ts';
import type { Repository } from '../../repository/repository.ts';
import { formatToWrite } from '../../repository/writing/format-to-write.ts';
import { getIfThere, putIfAbsent } from '../../store/if-there.ts';

/** What a repository writes from now on. */
export interface UpgradeResult {
  readonly location: string;
  readonly repositoryId: string;
  /** The format of new backups. */
  readonly formatVersion: number;
  /** False if it was the same before. */
  readonly isChanged: boolean;
}

/** Whether backups are already written in format 2. @throws E_NO_KEY, E_STORE_* */
export async function isUpgradedAlready(repository: Repository, signal: AbortSignal): Promise<boolean> {
  repository.context.keys.provider();
  return (await formatToWrite(repository.context, [], signal)) === 2;
}

/**
 * Makes new backups use format 2; stored data stays unchanged. Writes one object. Repeatable.
 *
 * @throws E_NO_KEY, E_DAMAGED if something else has the name of that object, E_STORE_*
 */
export async function upgradeRepository(repository: Repository, signal: AbortSignal): Promise<UpgradeResult> {
  const { context, store, clock, id } = repository;
  const result = { location: store.location, repositoryId: id, formatVersion: 2 };
  if (await isUpgradedAlready(repository, signal)) return { ...result, isChanged: false };
  const secret = await context.secret(signal);
  const bytes = encodeUpgradeFile({ id, upgradedAt: clock.now().toISOString() }, secret);
  const isChanged = await putIfAbsent(UPGRADE_FILE, bytes, store, { signal });
  // Even if it was put just now: the next backup reads it.
  const stored = await getIfThere(UPGRADE_FILE, store, signal);
  readUpgradeFile(stored ?? new Uint8Array(0), id, secret);
  return { ...result, isChanged };
}
