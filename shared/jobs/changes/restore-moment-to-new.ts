import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import type { Scratch } from '../../sources/scratch.ts';
import { inNewPlace, type NewPlace } from '../restore/restore-to-new.ts';
import type { ChosenMoment } from './choose-moment.ts';
import { type RestoreMomentOptions, type RestoreMomentResult, restoreMoment } from './restore-moment.ts';

/**
 * Makes a database, and restores a moment into it. If it breaks off, the database is removed again, unless it is worth a look.
 *
 * @throws as `restoreToNew` and `restoreMoment`
 */
export function restoreMomentToNew(
  repository: Repository,
  chosen: ChosenMoment,
  { place, compare }: { readonly place: NewPlace; readonly compare: ChangePlugin['compare'] },
  options: RestoreMomentOptions,
): Promise<RestoreMomentResult> {
  return inNewPlace(repository, chosen.base.key as BackupKey, place, options, (scratch) => {
    const { openReplay, target, restoreOptions } = scratch;
    if (!openReplay) throw noReplay(scratch);
    const to = { target, compare, openReplay: openReplay.bind(scratch) };
    return restoreMoment(repository, chosen, to, { ...options, ...restoreOptions });
  });
}

function noReplay({ name }: Scratch): HoldfastError {
  return new HoldfastError('E_SOURCE_UNSUPPORTED', `changes cannot be applied to ${name}`, {
    hint: 'Restore a backup instead.',
  });
}
