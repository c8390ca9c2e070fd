import { isHoldfastError } from '../../core/errors.ts';
import type { Repository } from '../../repository/repository.ts';
import { type RecordedRun, readRuns } from '../runs/run-history.ts';
import { AS_STORED, type Naming } from '../source/naming.ts';
import type { LastRun } from './facts.ts';
import type { RunFacts } from './facts-of.ts';

/** Most runs of backups to read. */
const MOST_RUNS = 200;

/**
 * For each source the last backup that has ended, among the newest runs. An unreadable history is reported:
 * it says no more than manifests do.
 *
 * @throws E_ABORTED
 */
export async function readRunFacts(
  repository: Repository,
  signal: AbortSignal,
  naming: Naming = AS_STORED,
): Promise<RunFacts> {
  const problems: string[] = [];
  const runs: RecordedRun[] = [];
  try {
    const onUnread = (message: string) => problems.push(`a note of a run cannot be read: ${message}`);
    for await (const run of readRuns(repository, { kinds: ['backup'], signal }, onUnread)) {
      runs.push(run);
      if (runs.length === MOST_RUNS) break;
    }
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    problems.push(`the history of runs cannot be read: ${error.message}`);
  }
  const nameOf = await naming(new Set(runs.flatMap(({ source }) => source ?? [])));
  const tried = runs.map(({ source, type, startedAt }) => ({
    source: nameOf(source ?? ''),
    type,
    at: startedAt,
  }));
  const failed: { source: string; at: Date }[] = [];
  const lastOf = new Map<string, LastRun>();
  for (const run of runs) {
    const last = lastRun(run);
    const name = nameOf(run.source ?? '');
    if (last && !lastOf.has(name)) lastOf.set(name, last);
    if (last?.outcome === 'failed' || last?.outcome === 'given-up')
      failed.push({ source: name, at: run.startedAt });
  }
  return { count: runs.length, lastOf, failed, tried, problems };
}

/** Undefined if it is in progress, or was stopped on request: that says nothing about the source. */
function lastRun(run: RecordedRun): LastRun | undefined {
  const { state, code, startedAt, finishedAt, type, asked } = run;
  if (state === 'running' || (state === 'stopped' && code !== undefined)) return undefined;
  const outcome = state === 'stopped' ? 'given-up' : state;
  return {
    outcome,
    at: finishedAt ?? startedAt,
    code,
    asked: {
      ...(type === null ? {} : { type }),
      ...(asked?.note === undefined ? {} : { note: asked.note }),
      ...(asked?.noParent === undefined ? {} : { noParent: asked.noParent }),
    },
  };
}
