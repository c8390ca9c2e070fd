import type { StorageAnswer } from '../../core/api-status.ts';
import { type BackupSummary, isWaiting } from '../../jobs/list.ts';
import type { RepositoryStatus } from '../../jobs/status.ts';
import type { RunFacts } from '../../jobs/verdict/facts-of.ts';

/** @param about.backups newest first */
export function storageOf(
  status: RepositoryStatus,
  { backups, runs }: { readonly backups: readonly BackupSummary[]; readonly runs: Pick<RunFacts, 'failed'> },
  now: Date,
): StorageAnswer {
  const readable = backups.filter(({ state }) => state !== 'damaged');
  const { packBytes, packs, unreferencedBytes, logicalBytes } = status;
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
    days: daysOf(readable, runs),
  };
}

/** Days on which there were backups of a source, or tries. */
function daysOf(
  backups: readonly BackupSummary[],
  { failed }: Pick<RunFacts, 'failed'>,
): StorageAnswer['days'] {
  const dayOf = (at: Date) => at.toISOString().slice(0, 10);
  const kinds = new Map(backups.map(({ source }) => [source.name, source.kind]));
  const idOf = (at: Date, name: string) => JSON.stringify([dayOf(at), kinds.get(name) ?? '', name]);
  const ofBackups = Map.groupBy(backups, ({ startedAt, source }) => idOf(startedAt, source.name));
  const failures = Map.groupBy(failed, ({ at, source }) => idOf(at, source));
  return [...new Set([...ofBackups.keys(), ...failures.keys()])]
    .map((id) => {
      const [date = '', kind = '', name = ''] = JSON.parse(id) as string[];
      const ofDay = ofBackups.get(id) ?? [];
      const { backups: count, logicalBytes: plainBytes, newBytes } = figures(ofDay);
      return {
        date,
        source: { kind, name },
        backups: count,
        plainBytes,
        newBytes,
        suspect: ofDay.filter(isWaiting).length,
        bad: ofDay.filter(({ isMisdated, marks }) => isMisdated || marks.verify?.isWhole === false).length,
        failed: failures.get(id)?.length ?? 0,
      };
    })
    .toSorted((a, b) => a.date.localeCompare(b.date));
}

function figures(backups: readonly BackupSummary[]) {
  return {
    backups: backups.length,
    logicalBytes: backups.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    newBytes: backups.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  };
}
