import type { ResolvedConfig } from '../../shared/config/config.ts';
import { parseBackupKey } from '../../shared/core/ids.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { earlier } from '../../shared/jobs/copy/changes-lag.ts';
import { type CopyStanding, readCopyStandings } from '../../shared/jobs/copy/copy-lag.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger, measureCopy } from '../runtime/telemetry.ts';

/** The value for a place that cannot be checked, so that its alarm fires too: a hundred years. */
const UNKNOWN_SECONDS = 100 * 365 * 86_400;

/** How far behind a second place is. */
export interface CopyAge {
  readonly place: string;
  readonly missing: number;
  /** Change segments that are missing. */
  readonly segments: number;
  /**
   * Seconds since the oldest missing backup began, or the oldest missing change segment was stored; 0 if none is missing, null if not known.
   */
  readonly lag: number | null;
}

/** A second place: its verdict, and its age for metrics. */
export interface CopyStandings {
  readonly standing: CopyStanding;
  readonly age: CopyAge;
}

/**
 * Measures from their lists how far second places are behind: it does not matter whether a copy ran, failed,
 * or never began.
 */
export async function measureCopies(
  repository: OpenedRepository,
  { copies }: ResolvedConfig,
  signal: AbortSignal,
): Promise<readonly CopyStandings[]> {
  const now = repository.clock.now().getTime();
  const standings = await readCopyStandings(repository, copies, { signal });
  return standings.map((standing) => {
    const { name: place = '', missing, changes, problem } = standing;
    const oldest = earlier(parseBackupKey(missing[0] ?? '')?.startedAt, changes.oldestAt)?.getTime() ?? now;
    const lag = problem === undefined ? Math.max(0, Math.round((now - oldest) / SECOND_MS)) : null;
    if (problem !== undefined) logger.error('a second place cannot be checked', { place, problem });
    measureCopy(place, lag ?? UNKNOWN_SECONDS);
    return { standing, age: { place, missing: missing.length, segments: changes.missing, lag } };
  });
}
