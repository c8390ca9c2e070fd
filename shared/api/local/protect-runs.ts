import { HoldfastError } from '../../core/errors.ts';
import { plural } from '../../core/plural.ts';
import { copyToPlace } from '../../jobs/copy/copy-to-place.ts';
import { lockBackups, lockProblem } from '../../jobs/lock/lock.ts';
import type { ProtectionOptions } from '../presenters/protection.ts';
import { unknownName } from '../server/unknown-name.ts';
import type { LocalBackendOptions } from './options.ts';
import type { LocalProtection } from './protection.ts';
import type { Work } from './work.ts';

type CopyPlace = NonNullable<ProtectionOptions['copies']>[number];

/** @throws E_CONFIG if there is none, E_UNKNOWN_NAME; E_USAGE if none is named but there are several */
export function secondPlace({ copies = [] }: LocalProtection, name: string | undefined): CopyPlace {
  const found =
    name === undefined && copies.length === 1 ? copies[0] : copies.find((one) => one.name === name);
  if (found) return found;
  const names = copies.flatMap((one) => one.name ?? []);
  if (names.length === 0)
    throw new HoldfastError('E_USAGE', 'no second place is configured', {
      hint: 'Add copy: { second: { to: … } } to the configuration.',
    });
  if (name !== undefined) throw unknownName('place', name, names);
  throw new HoldfastError('E_USAGE', `several second places are configured: ${names.join(', ')}`, {
    hint: 'Name one of them.',
  });
}

/** Copies backups to a second place, as a run. */
export function copyRun(
  { repository }: Pick<LocalBackendOptions, 'repository'>,
  { namesOf }: LocalProtection,
  place: CopyPlace,
): Work {
  return async ({ onProgress, signal }) => {
    const options = { namesOf: await namesOf?.(), onProgress, signal };
    const { copied, present, passedOver, packs, bytes } = await copyToPlace(repository, place, options);
    const left = passedOver.filter(({ why }) => why !== 'removed');
    const damaged = left.some(({ why }) => why === 'damaged');
    return {
      result: { copied: copied.length, present, passedOver: left.length, packs, storedBytes: bytes },
      failure:
        left.length === 0
          ? undefined
          : new HoldfastError(
              damaged ? 'E_DAMAGED' : 'E_RUN_TOO_LONG',
              `${plural(left.length, 'backup')} could not be copied: ${left[0]?.problem}`,
              { hint: damaged ? 'Run `holdfast verify --all --quick`.' : 'Copy again.' },
            ),
    };
  };
}

/** @throws E_USAGE if no locks are configured */
export function lockRun(
  { repository }: Pick<LocalBackendOptions, 'repository'>,
  { locks, lock, policy, naming }: LocalProtection,
): Work {
  if (!lock || !locks)
    throw new HoldfastError('E_USAGE', 'no locks are configured', {
      hint: 'docs/reference/retention.md, "Locks".',
    });
  return async ({ onProgress, signal }) => {
    const options = { lock, policy, naming, isDryRun: false, onProgress, signal };
    const result = await lockBackups(repository, locks, options);
    const { backups, objects, extended, held, weaker } = result;
    return {
      result: { backups: backups.length, objects, extended, held, weaker },
      failure: lockProblem(result),
    };
  };
}
