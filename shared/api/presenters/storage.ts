import { isWaiting } from '../../core/backup-words.ts';
import { forecastOf, type StoragePrice, whyNoForecast } from '../../core/forecast.ts';
import type { Calendar } from '../../jobs/calendar/calendars.ts';
import type { PruneHistory } from '../../jobs/retention/prune-history.ts';
import type { BackupSummary } from '../../jobs/status/list.ts';
import type { PackFigures, RepositoryStatus } from '../../jobs/status/status.ts';
import { storedSizes } from '../../jobs/status/stored-sizes.ts';
import type { RunFacts } from '../../jobs/verdict/facts-of.ts';
import type { StorageAnswer } from '../schema/status.ts';

/** The part of the status that the repository itself tells. */
export interface StorageInput {
  /** Newest first. */
  readonly backups: readonly BackupSummary[];
  readonly runs: Pick<RunFacts, 'failed'>;
  readonly calendars: readonly Calendar[];
  readonly prunes: PruneHistory;
  readonly price: StoragePrice | undefined;
}

/** What figures of storage are computed from. */
export function storageOf(
  status: Pick<RepositoryStatus, 'logicalBytes'> & PackFigures,
  { backups, runs, calendars, prunes, price }: StorageInput,
  now: Date,
): StorageAnswer {
  const readable = backups.filter(({ state }) => state !== 'damaged');
  const { packBytes, packs, packedDays, unreferencedBytes, logicalBytes } = status;
  const sizes = storedSizes(packedDays, prunes, now);
  const forecast = forecastOf(sizes);
  return {
    now: now.toISOString(),
    ...figures(readable),
    storedBytes: packBytes,
    packs,
    unreferencedBytes: unreferencedBytes ?? null,
    ratio: packBytes > 0 ? logicalBytes / packBytes : null,
    sizes: [...sizes],
    forecast: forecast ?? null,
    whyNoForecast: forecast ? null : whyNoForecast(sizes),
    price: price ?? null,
    sources: calendars.map(({ source, basis, since }) => ({
      source,
      ...figures(readable.filter((one) => one.source.name === source.name)),
      basis,
      since: since ?? null,
    })),
    days: calendars
      .flatMap((calendar) => daysOf(calendar, readable, runs))
      .toSorted((a, b) => a.date.localeCompare(b.date)),
  };
}

/** Days on which a source had backups or attempts, or should have had. */
function daysOf(
  { source, days }: Calendar,
  backups: readonly BackupSummary[],
  { failed }: Pick<RunFacts, 'failed'>,
): StorageAnswer['days'] {
  const dayOf = (at: Date) => at.toISOString().slice(0, 10);
  const own = backups.filter((one) => one.source.name === source.name);
  const ofBackups = Map.groupBy(own, ({ startedAt }) => dayOf(startedAt));
  const failures = Map.groupBy(
    failed.filter((one) => one.source === source.name),
    ({ at }) => dayOf(at),
  );
  return [...new Set([...ofBackups.keys(), ...failures.keys(), ...days.keys()])].map((date) => {
    const ofDay = ofBackups.get(date) ?? [];
    const { backups: count, logicalBytes: plainBytes, newBytes } = figures(ofDay);
    return {
      date,
      source,
      backups: count,
      plainBytes,
      newBytes,
      suspect: ofDay.filter(isWaiting).length,
      bad: ofDay.filter(({ isMisdated, marks }) => isMisdated || marks.verify?.isWhole === false).length,
      failed: failures.get(date)?.length ?? 0,
      due: 0,
      missed: 0,
      removed: 0,
      ...days.get(date),
    };
  });
}

function figures(backups: readonly BackupSummary[]) {
  return {
    backups: backups.length,
    logicalBytes: backups.reduce((sum, { plainBytes }) => sum + plainBytes, 0),
    newBytes: backups.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
  };
}
