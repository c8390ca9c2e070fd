import { HoldfastError, isHoldfastError } from '../core/errors.ts';
import { BUNDLES } from '../format/bundle.ts';
import { RECOVERY_WRAPS } from '../format/recovery-file.ts';
import { REPOSITORY_FILE } from '../format/repository-file.ts';
import { RUNS } from '../format/run-document.ts';
import { UPGRADE_FILE } from '../format/upgrade-file.ts';
import { headIfThere } from '../store/if-there.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { refuseStranded } from './documents/stranded.ts';

/** What may be left of a repository: everything else is somebody else's. */
const OURS = [BUNDLES, 'data/', 'expired/', 'keys/', RECOVERY_WRAPS, 'reports/', RUNS, UPGRADE_FILE];

/** The bytes of `repository.json`. @throws E_NO_REPOSITORY */
export async function readRepositoryFile(store: ObjectStore, signal: AbortSignal): Promise<Uint8Array> {
  try {
    return await store.get(REPOSITORY_FILE, { signal });
  } catch (error) {
    if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
    await refuseStranded(store, signal);
    throw new HoldfastError('E_NO_REPOSITORY', `there is no repository at ${store.location}`, {
      cause: error,
      hint: 'Check the place, or make a repository there with `holdfast init`.',
    });
  }
}

/**
 * @throws E_REPOSITORY_EXISTS, E_NO_REPOSITORY, E_FOREIGN_REPOSITORY if the place holds anything but what is
 * left of a repository
 */
export async function refuseTakenPlace(store: ObjectStore, signal: AbortSignal): Promise<void> {
  if (await headIfThere(REPOSITORY_FILE, store, signal)) throw repositoryExists(store);
  await refuseStranded(store, signal);
  for await (const { key } of store.list('', { signal })) {
    if (OURS.some((prefix) => key.startsWith(prefix))) continue;
    throw new HoldfastError('E_FOREIGN_REPOSITORY', `${store.location} holds other things, such as ${key}`, {
      hint: 'Choose an empty folder, or a prefix of the bucket that nothing else uses.',
    });
  }
}

/** The error of a place that has a repository already. */
export function repositoryExists(store: ObjectStore): HoldfastError {
  return new HoldfastError('E_REPOSITORY_EXISTS', `there is already a repository at ${store.location}`, {
    hint: 'Use it, or choose another place.',
  });
}
