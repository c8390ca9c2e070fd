import type { SuspectThresholds } from '../../config/suspects.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Suspect } from '../../format/catalog.ts';
import type { WrittenFigures } from '../../repository/reading/dataset-figures.ts';
import type { SourceView } from '../../sources/source.ts';
import { type AncestorFigures, type JudgedBy, judgeAgainst } from './loss-detection.ts';

/** How strictly a backup is judged. */
export interface JudgeOptions {
  /** Name of the source, for messages. */
  readonly name: string;
  readonly allowEmpty: boolean;
  readonly thresholds: SuspectThresholds;
  readonly compresses: boolean;
}

/** What is suspect about a backup that is about to be listed. @throws E_EMPTY_READ */
export function judgeBackup(
  ancestors: JudgedBy,
  figures: readonly WrittenFigures[],
  { name, allowEmpty, thresholds, compresses }: JudgeOptions,
): Suspect | undefined {
  const records = figures.reduce((sum, one) => sum + (one.kind === 'data' ? one.records : 0), 0);
  if (!allowEmpty) refuseLoss(ancestors.good ?? ancestors.parent, records, name);
  return judgeAgainst(ancestors, figures, { thresholds, compresses });
}

/** @throws E_EMPTY_READ */
export function refuseEmpty({ datasets }: Pick<SourceView, 'datasets'>, name: string): void {
  if (datasets.some(({ kind }) => kind === 'data')) return;
  throw new HoldfastError('E_EMPTY_READ', `${name} returned nothing to back up`, {
    hint: 'Check the database name and the permissions of the login; if it is meant to be empty, pass --allow-empty.',
  });
}

/** A source that had records and now has none at all counts as a failed read. */
function refuseLoss(before: AncestorFigures | undefined, records: number, name: string): void {
  const had = before?.records ?? 0;
  if (records > 0 || had === 0) return;
  throw new HoldfastError('E_EMPTY_READ', `${name} returned no records; its last good backup has ${had}`, {
    hint: 'If the database was emptied on purpose: run `holdfast backup --allow-empty`, then accept that backup.',
  });
}
