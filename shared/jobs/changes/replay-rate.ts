import { isHoldfastError } from '../../core/errors.ts';
import { DAY_MS, SECOND_MS } from '../../core/units.ts';
import type { Report } from '../../format/report.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';

/** Servers and data change: older drills say nothing. */
const OLDEST_MS = 200 * DAY_MS;
/** A replay that took less was mostly starting. */
const LEAST_MS = SECOND_MS;

/** How fast changes are applied. */
export interface ReplayRate {
  readonly bytesPerMs: number;
  /** When the drill was made that it is taken from; undefined: it is what a benchmark applied on two cores. */
  readonly drilledAt: Date | undefined;
}

/**
 * By the newest drill of a source that applied changes for long enough; else by a benchmark of its kind of database.
 *
 * @throws E_STORE_*
 */
export async function replayRateOf(
  repository: Repository,
  source: { readonly kind: string; readonly name: string },
  { replayBytesPerMs }: Pick<ChangePlugin, 'replayBytesPerMs'>,
  signal: AbortSignal,
): Promise<ReplayRate> {
  let rate: ReplayRate = { bytesPerMs: replayBytesPerMs, drilledAt: undefined };
  const since = new Date(repository.clock.now().getTime() - OLDEST_MS);
  for await (const { report } of repository.reports.readAll(['drill'], signal, since)) {
    const body = report && bodyOf(report);
    const { plainBytes = 0, replayMs = 0 } = body?.moment ?? {};
    const isOf = body?.source?.kind === source.kind && body.source.name === source.name;
    if (!report || !isOf || plainBytes === 0 || replayMs < LEAST_MS) continue;
    const drilledAt = new Date(report.at);
    if (!rate.drilledAt || drilledAt > rate.drilledAt)
      rate = { bytesPerMs: plainBytes / replayMs, drilledAt };
  }
  return rate;
}

/** One that cannot be read is for the status to say. */
function bodyOf(report: Report): Body<'drill'> | undefined {
  try {
    return parseBody('drill', report);
  } catch (error) {
    if (!isHoldfastError(error, 'E_DAMAGED')) throw error;
    return undefined;
  }
}
