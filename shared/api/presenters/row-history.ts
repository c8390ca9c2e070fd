import type { BackupKey } from '../../core/ids.ts';
import { SECOND_MS } from '../../core/units.ts';
import { changesFor } from '../../jobs/inside/one-source.ts';
import { type RowVersion, rowHistory } from '../../jobs/inside/row-history.ts';
import { SHOWN_CHARACTERS } from '../../jobs/inside/rows-page.ts';
import { shownFields } from '../../jobs/inside/shown-fields.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import { type BackupSummary, listBackups } from '../../jobs/status/list.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RowHistoryAnswer, RowHistoryQuery } from '../schema/inside.ts';
import { textList } from '../server/text-list.ts';
import { cutOf } from './rows.ts';
import { withoutOptions } from './without-options.ts';

/** Looking ends after that time, with the backups that were read. */
const HISTORY_MS = 15 * SECOND_MS;

/**
 * Every version of a row over the newest backups of a source.
 *
 * @param query names the source
 * @throws E_BAD_REQUEST, E_NO_DATASET, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function rowHistoryPage(
  repository: Repository,
  query: RowHistoryQuery & { readonly source: string },
  {
    naming,
    mostMs = HISTORY_MS,
    signal,
  }: { readonly naming: Naming | undefined; readonly mostMs?: number; readonly signal: AbortSignal },
): Promise<RowHistoryAnswer> {
  const { source, dataset, key, limit } = query;
  const rowKey = textList('key', key) ?? [];
  const all = (await listBackups(repository, { naming, signal })).filter(
    (backup) => backup.source.name === source && backup.state !== 'damaged',
  );
  const newest = all.slice(0, limit).toReversed();
  const timeUp = AbortSignal.timeout(mostMs);
  const versions: RowVersion[] = [];
  const warnings: string[] = [];
  let begun = 0;
  const isOutOfTime = await withoutOptions(async () => {
    const asked = {
      backups: newest.map((backup) => backup.key),
      dataset,
      rowKey,
      changes: query.moments === 'true' ? changesFor(newest[0]) : undefined,
      onWarning: (message: string) => void warnings.push(message),
      onBackup: () => void begun++,
      signal: AbortSignal.any([signal, timeUp]),
    };
    try {
      for await (const version of rowHistory(repository, asked)) versions.push(version);
      return false;
    } catch (error) {
      if (timeUp.aborted && !signal.aborted) return true;
      throw error;
    }
  });
  const backups = isOutOfTime ? Math.max(0, begun - 1) : newest.length;
  return {
    source,
    dataset,
    versions: versions.map((version, i) => versionJson(version, versions[i + 1], newest)),
    warnings,
    backups,
    isComplete: backups === all.length,
  };
}

function versionJson(
  version: RowVersion,
  next: RowVersion | undefined,
  backups: readonly BackupSummary[],
): RowHistoryAnswer['versions'][number] {
  const { key, moment, columns, row } = version;
  const shown = row && shownFields(row, SHOWN_CHARACTERS);
  const startedAt = backups.find((backup) => backup.key === key)?.startedAt ?? new Date(0);
  return {
    key: moment ? heldBy(version, next, backups) : key,
    startedAt: moment ? new Date(moment.committedAt).toISOString() : startedAt.toISOString(),
    transaction: moment?.transaction ?? null,
    columns: columns.map(({ name, type, isNumber }) => ({ name, type, isNumber })),
    values: shown && [...shown.values],
    ...cutOf(shown?.cut ?? []),
  };
}

/** The first backup after a moment, unless the row was otherwise by then. @param backups oldest first */
function heldBy(
  { key }: RowVersion,
  next: RowVersion | undefined,
  backups: readonly BackupSummary[],
): BackupKey | null {
  const later = backups[backups.findIndex((backup) => backup.key === key) + 1]?.key;
  if (later === undefined || next?.key === key) return null;
  return next?.key === later && !next.moment ? null : later;
}
