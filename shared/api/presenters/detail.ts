import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { summariseEntry } from '../../jobs/status/list.ts';
import { neededPacks, sealedDetail } from '../../jobs/status/show.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupDetailAnswer } from '../schema/backups.ts';
import { readHistory } from './history.ts';
import { backupJson } from './json.ts';

/** @throws E_NO_BACKUP */
export async function readDetail(
  repository: Repository,
  key: BackupKey,
  retention: BackupDetailAnswer['retention'],
  signal: AbortSignal,
): Promise<BackupDetailAnswer> {
  await refuseMissing(repository, key, signal);
  const entry = await repository.inspectManifest(key, signal);
  const { manifest } = entry;
  const [marks, history, sealed] = await Promise.all([
    repository.marks(signal, summariseEntry(entry).startedAt),
    readHistory(repository, key, signal),
    readSealed(repository, manifest, signal),
  ]);
  const summary = backupJson(summariseEntry(entry, marks.of(key)));
  return {
    ...summary,
    ...(sealed instanceof HoldfastError ? { state: 'damaged', problem: sealed.message } : {}),
    parent: manifest?.parent ?? null,
    consistency: manifest?.consistency ?? '',
    window: manifest?.window ?? null,
    software: manifest?.software ?? '',
    packs: manifest ? neededPacks(manifest).count : 0,
    datasetCount: manifest?.totals.datasets ?? 0,
    sealed: sealed instanceof HoldfastError ? null : sealed,
    retention,
    history,
  };
}

type Manifest = Awaited<ReturnType<Repository['inspectManifest']>>['manifest'];

/** The content of the catalog if it is undamaged and there is a key; else null, or the problem. */
async function readSealed(
  repository: Repository,
  manifest: Manifest,
  signal: AbortSignal,
): Promise<BackupDetailAnswer['sealed'] | HoldfastError> {
  if (!manifest || !repository.context.keys.hasRootKey) return null;
  try {
    return sealedDetail((await repository.openManifest(manifest, signal)).catalog);
  } catch (error) {
    if (!isHoldfastError(error) || error.retryable || error.code === 'E_ABORTED') throw error;
    return error;
  }
}

async function refuseMissing({ store }: Repository, key: BackupKey, signal: AbortSignal): Promise<void> {
  try {
    await store.head(key, { signal });
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    throw new HoldfastError('E_NO_BACKUP', `there is no backup ${key}`, {
      hint: 'GET /list shows the existing ones.',
    });
  }
}
