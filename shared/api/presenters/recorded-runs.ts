import { ERRORS, type ErrorCode } from '../../core/errors.ts';
import { type RecordedRun, readRuns } from '../../jobs/runs/run-history.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ApiRun, RunAnswer } from '../schema/runs.ts';

/**
 * A run from the history, in the API's form. Notes only have codes: the messages come from the table of
 * errors.
 */
export function recordedRun(run: RecordedRun): RunAnswer {
  const { run: id, kind, state, source, type, backup, target, by, startedAt, finishedAt } = run;
  const { plainBytes = null, storedBytes = null, records, asked = null } = run;
  return {
    id,
    kind,
    state: state === 'suspect' ? 'succeeded' : state,
    isSuspect: state === 'suspect',
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
    by,
    source,
    type,
    backup,
    target,
    asked,
    progress: null,
    error: errorOf(run),
    cancelledBy: null,
    restore: null,
    plainBytes,
    storedBytes,
    log: [],
    result: records === undefined ? null : { records },
  };
}

function errorOf({ code, state }: RecordedRun): ApiRun['error'] {
  if (code === undefined)
    return state === 'stopped'
      ? { code: 'E_INTERNAL', message: 'its process died: no end was recorded', hint: 'Start it again.' }
      : null;
  const isKnown = Object.hasOwn(ERRORS, code);
  const message = isKnown ? ERRORS[code as ErrorCode].meaning : 'it failed; its log says more';
  return { code, message, hint: null };
}

/** The newest runs of the history. @throws E_STORE_* */
export async function newestRuns(
  repository: Repository,
  most: number,
  signal: AbortSignal,
): Promise<readonly RunAnswer[]> {
  const runs: RunAnswer[] = [];
  for await (const run of readRuns(repository, { signal })) {
    runs.push(recordedRun(run));
    if (runs.length === most) break;
  }
  return runs;
}

/** Runs that are known first-hand, and others from the history; newest first. */
export function mergedRuns(
  known: readonly ApiRun[],
  recorded: readonly RunAnswer[],
  limit: number,
): readonly ApiRun[] {
  const ids = new Set(known.map(({ id }) => id));
  const others = recorded
    .filter(({ id }) => !ids.has(id))
    .map(({ log: _, result: __, restore: ___, ...run }) => run);
  return [...known, ...others].toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1)).slice(0, limit);
}
