import type { StorageAnswer } from '../../core/api-status.ts';
import type { BackupSummary } from '../../jobs/list.ts';
import type { RepositoryStatus } from '../../jobs/status.ts';

/** @param backups newest first */
export function storageOf(
  status: RepositoryStatus,
  backups: readonly BackupSummary[],
  now: Date,
): StorageAnswer {
  const readable = backups.filter(({ state }) => state !== 'damaged');
  const { packBytes, packs, unreferencedBytes, logicalBytes } = status;
  const days = Map.groupBy(readable, ({ startedAt, source }) =>
    JSON.stringify([startedAt.toISOString().slice(0, 10), source.kind, source.name]),
  );
  return {
    now: now.toISOString(),
    ...figures(readable),
    storedBytes: packBytes,
    packs,
    unreferencedBytes: unreferencedBytes ?? null,
    ratio: packBytes > 0 ? logicalBytes / packBytes : null,
    sources: [
      ...Map.groupBy(readable, ({ source }) => JSON.stringify([source.kind, source.name])).values(),
    ].map((ofSource) => ({ source: ofSource[0]?.source ?? { kind: '', name: '' }, ...figures(ofSource) })),
    days: [...days.entries()]
      .map(([name, ofDay]) => {
        const [date = '', kind = '', source = ''] = JSON.parse(name) as string[];
        const { backups: count, logicalBytes: plainBytes, newBytes } = figures(ofDay);
        return { date, source: { kind, name: source }, backups: count, plainBytes, newBytes };
      })
      .toSorted((a, b) => a.date.localeCompare(b.date)),
  };
}

function figures(backups: readonly BackupSummary[]) {
  return {
    backups: backups.length,
    logicalBytes: backups.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    newBytes: backups.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  };
}
