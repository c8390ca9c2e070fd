import { HoldfastError } from '../../core/errors.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import { pluginNamed } from '../../sources/registry.ts';
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

/** What knows the stored changes of a source, by one of its backups. @throws E_USAGE for a kind whose changes are not stored */
export function changesFor(backup: BackupSummary | undefined): ChangePlugin | undefined {
  if (!backup) return undefined;
  const { kind } = backup.source;
  const { changes } = pluginNamed(kind) ?? {};
  if (changes) return changes;
  throw new HoldfastError('E_USAGE', `changes of a source of kind ${kind} are not stored between backups`, {
    hint: 'Look at the versions in backups alone.',
  });
}
