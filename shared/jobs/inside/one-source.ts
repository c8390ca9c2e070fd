import { HoldfastError } from '../../core/errors.ts';
import type { BackupSummary } from '../status/list.ts';

/**
 * The backups of one source that are not damaged, in the same order.
 *
 * @param wanted its name; undefined: the only one there is
 * @param how a source is named there, such as `--source`
 * @throws E_USAGE if there is none of that name, or if several could be meant
 */
export function backupsOfOneSource(
  all: readonly BackupSummary[],
  wanted: string | undefined,
  how: string,
): readonly BackupSummary[] {
  const whole = all.filter(({ state }) => state !== 'damaged');
  const names = [...new Set(whole.map(({ source }) => source.name))];
  if (wanted === undefined && names.length <= 1) return whole;
  if (wanted === undefined)
    throw new HoldfastError('E_USAGE', `the repository has backups of ${names.join(', ')}`, {
      hint: `Name one with ${how}.`,
    });
  if (names.includes(wanted)) return whole.filter(({ source }) => source.name === wanted);
  throw new HoldfastError('E_USAGE', `there is no backup of '${wanted}'`, {
    hint: `There are backups of ${names.join(', ') || 'nothing'}.`,
  });
}
