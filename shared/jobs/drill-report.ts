import { isHoldfastError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import type { Repository } from '../repository/repository.ts';
import type { DrillResult } from './drill.ts';

/**
 * Writes down what came of a drill: in the clear what names no table, sealed all the rest.
 *
 * @returns the report's key
 * @throws E_NO_KEY, E_STORE_*; the drill's own error, where the store failed it and now the report too
 */
export async function writeDrillReport(
  repository: Repository,
  drill: Omit<DrillResult, 'report'>,
  signal: AbortSignal,
): Promise<string> {
  try {
    const report = { backups: [drill.key], body: bodyOf(drill), details: detailsOf(drill) };
    return await repository.reports.write('drill', report, signal);
  } catch (error) {
    throw isHoldfastError(error) && drill.error !== undefined ? drill.error : error;
  }
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
