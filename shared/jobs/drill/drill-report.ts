import { isHoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { writeEvidence } from '../../repository/documents/evidence.ts';
import type { Repository } from '../../repository/repository.ts';
import type { MomentReport } from './drill-moment.ts';
import type { DrillResult } from './drill-result.ts';

/** The backup that was drilled, as it was then. */
export interface DrilledBackup {
  readonly source: { readonly kind: string; readonly name: string };
  readonly manifestSha256: string | undefined;
}

/** What a report of a drill says besides its result. */
export interface DrillContext {
  readonly by: string | undefined;
  readonly startedAt: Date;
  readonly backup: DrilledBackup | undefined;
  readonly signs: boolean;
  /** Of the moment that was restored too. */
  readonly moment: MomentReport | undefined;
  /** Receives the reason if there is a signing key but no signature. */
  readonly onUnsigned: (why: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Records the result of a drill: in the clear what names no table, and everything else sealed.
 *
 * @returns the report's path
 * @throws E_NO_KEY, E_STORE_*; the drill's own error, if the store first failed the drill and now the report
 */
export async function writeDrillReport(
  repository: Repository,
  drill: Omit<DrillResult, 'report'>,
  context: DrillContext,
): Promise<string> {
  try {
    const body = { ...bodyOf(drill), ...context.moment?.body, ...bodyOfContext(context) };
    const details = { ...detailsOf(drill), ...context.moment?.details };
    const report = { backups: [drill.key], body, details };
    return await writeEvidence(repository, 'drill', { ...context, report });
  } catch (error) {
    throw isHoldfastError(error) && drill.error !== undefined ? drill.error : error;
  }
}

function bodyOfContext({ by, startedAt, backup }: DrillContext): JsonObject {
  const { source, manifestSha256 } = backup ?? {};
  return {
    startedAt: startedAt.toISOString(),
    ...(by === undefined ? {} : { by }),
    ...(source === undefined ? {} : { source: { kind: source.kind, name: source.name } }),
    ...(manifestSha256 === undefined ? {} : { manifestSha256 }),
  };
}

function bodyOf({ comparison, schema, error, ...drill }: Omit<DrillResult, 'report'>): JsonObject {
  const { outcome, restoreMs, compareMs, records, plainBytes, server } = drill;
  return {
    outcome,
    restoreMs,
    records,
    compareMs,
    plainBytes,
    ...(server === undefined ? {} : { server }),
    datasets: comparison.length,
    differentDatasets: comparison.filter(({ equal }) => !equal).length,
    schema: schema?.outcome ?? 'none',
    ...(error === undefined ? {} : { error: error.code }),
  };
}

function detailsOf({ target, comparison, schema, leftOut, error }: Omit<DrillResult, 'report'>): JsonObject {
  return {
    target: target ?? null,
    comparison: comparison.map((one) => ({ ...one })),
    schema: schema === undefined ? null : { ...schema, why: schema.why ?? null },
    leftOut,
    error: error === undefined ? null : { code: error.code, message: error.message },
  };
}
