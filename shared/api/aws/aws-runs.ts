import type { RunKind } from '../../core/run-kinds.ts';
import { DAY_MS } from '../../core/units.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';
import { type ApiRun, type RunAnswer, TARGET_STATES } from '../schema/runs.ts';
import { NO_PROGRESS, RUN_UNKNOWNS } from '../server/run-unknowns.ts';
import type { Execution, ExecutionDetail } from './aws-services.ts';
import { messageOfCause } from './function-cause.ts';

/** How far back the audit trail is searched for a function's run. */
const LOOK_BACK_MS = 3 * DAY_MS;
const KINDS: Readonly<Record<string, RunKind>> = { restore: 'restore', export: 'export', drill: 'drill' };

/** @param noted what the history says about it: its subject, and its figures */
export function runOfExecution(
  { kind, name, status, startedAt, stoppedAt }: Execution,
  noted?: RunAnswer,
): ApiRun {
  const {
    log: _,
    result: __,
    restore: ___,
    ...known
  } = noted ?? {
    ...RUN_UNKNOWNS,
    log: [],
    result: null,
    restore: null,
  };
  return {
    ...known,
    id: name,
    kind,
    state:
      status === 'RUNNING' || status === 'PENDING_REDRIVE'
        ? 'running'
        : status === 'SUCCEEDED'
          ? 'succeeded'
          : status === 'ABORTED'
            ? 'cancelled'
            : 'failed',
    startedAt: startedAt.toISOString(),
    finishedAt: stoppedAt?.toISOString() ?? null,
  };
}

/** A run of Step Functions as the API answers it. */
export function detailOfExecution(execution: ExecutionDetail): RunAnswer {
  const { input, output, error, cause, shares } = execution;
  const commit = member(output, 'commit');
  const run = runOfExecution(execution);
  return {
    ...run,
    source: text(member(input, 'source')),
    type: text(member(input, 'type')),
    backup: text(member(commit, 'key')) ?? text(member(input, 'backup')),
    progress: shares ? { ...NO_PROGRESS, phase: 'write', shares } : null,
    error:
      run.state === 'failed' || run.state === 'cancelled'
        ? { code: error ?? 'E_INTERNAL', message: messageOfCause(cause ?? ''), hint: null }
        : null,
    log: [],
    result: (commit as RunAnswer['result'] | undefined) ?? null,
    restore: null,
  };
}

/** A run of a function, from the audit trail; undefined if it is not there. */
export async function runOfAudit(
  repository: Repository,
  id: string,
  signal: AbortSignal,
): Promise<RunAnswer | undefined> {
  const since = new Date(repository.clock.now().getTime() - LOOK_BACK_MS);
  const told: RunAnswer[] = [];
  let cancelledBy: string | null = null;
  for await (const { report, storedAt } of repository.reports.readAll(['audit'], signal, since)) {
    if (report?.body['run'] !== id) continue;
    if (report.body['action'] === 'cancel') cancelledBy ??= text(report.body['by']);
    else told.push(runOfReport(id, report, storedAt));
  }
  const last = told.find(({ state }) => state !== 'running') ?? told.at(-1);
  return last && { ...last, startedAt: told[0]?.startedAt ?? last.startedAt, cancelledBy };
}

type Report = NonNullable<StoredReport['report']>;

function runOfReport(id: string, { body, backups }: Report, storedAt: Date): RunAnswer {
  const at = storedAt.toISOString();
  const code = text(body['error']) ?? 'E_INTERNAL';
  const state = stateOf(body['outcome'], code);
  const message = state === 'cancelled' ? 'it was cancelled' : 'it failed; its log says more';
  return {
    ...RUN_UNKNOWNS,
    id,
    kind: KINDS[String(body['action'])] ?? 'restore',
    state,
    startedAt: at,
    finishedAt: state === 'running' ? null : at,
    by: text(body['by']),
    backup: backups[0] ?? null,
    target: text(body['target']),
    error: state === 'failed' || state === 'cancelled' ? { code, message, hint: null } : null,
    log: [],
    result: null,
    restore: restoreOf(body),
  };
}

/** Of a restore of rows that failed; which rows and datasets, only the key says. */
function restoreOf(body: Report['body']): RunAnswer['restore'] {
  const state = TARGET_STATES.find((known) => known === body['state']);
  if (!state) return null;
  return {
    to: text(body['target']),
    newDatabase: null,
    datasets: null,
    mode: 'merge',
    options: null,
    moment: null,
    state,
    missing: [],
    ways: [],
  };
}

function stateOf(outcome: unknown, code: string): ApiRun['state'] {
  if (outcome === 'done') return 'succeeded';
  if (outcome !== 'failed') return 'running';
  return code === 'E_ABORTED' ? 'cancelled' : 'failed';
}

function member(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && Object.hasOwn(of, name)
    ? (of as Record<string, unknown>)[name]
    : undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
