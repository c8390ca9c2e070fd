import type { CopyPlace } from '../../config/copy.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import { openStore } from '../../store/open-store.ts';
import { type CopyOptions, type CopyResult, copyBackups } from './copy.ts';
import { choiceOf, type PlaceChoice } from './copy-lag.ts';

type PlaceOptions = PlaceChoice & Pick<CopyOptions, 'isCheck' | 'onProgress' | 'signal'>;

/**
 * Copies to a configured place. @throws as `copyBackups`; E_CONFIG if it is not a place, E_USAGE if it is the
 * repository's own
 */
export async function copyToPlace(
  repository: Repository,
  place: CopyPlace,
  options: PlaceOptions,
): Promise<CopyResult> {
  const to = await openStore({ repository: place.to, s3: place.s3 });
  refuseSame(repository, to.location, place);
  const { storageClass, graceMs } = place;
  return copyBackups(repository, to, { ...options, choice: choiceOf(place, options), storageClass, graceMs });
}

/** A bucket of the same name in another store is another place. */
function refuseSame({ store }: Repository, location: string, { s3 }: CopyPlace): void {
  if (location !== store.location || (location.startsWith('s3:') && s3.endpoint !== undefined)) return;
  throw new HoldfastError('E_USAGE', `${location} is the repository itself`, {
    hint: 'Copy to another folder, bucket or prefix.',
  });
}
