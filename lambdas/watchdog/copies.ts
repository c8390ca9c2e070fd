import type { ResolvedConfig } from '../../shared/config/config.ts';
import { parseBackupKey } from '../../shared/core/ids.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { type CopyStanding, readCopyStandings } from '../../shared/jobs/copy/copy-lag.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger, measureCopy } from '../runtime/telemetry.ts';

/** What a place that cannot be looked at is measured as, so that its alarm fires too: a hundred years. */
const UNKNOWN_SECONDS = 100 * 365 * 86_400;

export interface CopyAge {
  readonly place: string;
  readonly missing: number;
  /** Since the oldest backup that is not there began; 0 where all are, null where nobody knows. */
  readonly lag: number | null;
}

export interface CopyStandings {
  readonly standing: CopyStanding;
  readonly age: CopyAge;
}

/** Measures how far second places are behind, from their lists: whether a copy ran, or failed, or was never begun, plays no part. */
export async function measureCopies(
  repository: OpenedRepository,
  { copies }: ResolvedConfig,
  signal: AbortSignal,
): Promise<readonly CopyStandings[]> {
  const now = repository.clock.now().getTime();
  const standings = await readCopyStandings(repository, copies, { signal });
  return standings.map((standing) => {
    const { name: place = '', missing, problem } = standing;
    const oldest = parseBackupKey(missing[0] ?? '')?.startedAt.getTime() ?? now;
    const lag = problem === undefined ? Math.max(0, Math.round((now - oldest) / SECOND_MS)) : null;
    if (problem !== undefined) logger.error('a second place cannot be looked at', { place, problem });
    measureCopy(place, lag ?? UNKNOWN_SECONDS);
    return { standing, age: { place, missing: missing.length, lag } };
  });
}
