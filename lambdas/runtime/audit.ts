import type { JsonObject } from '../../shared/core/json.ts';
import { writeAudit } from '../../shared/jobs/access/audit.ts';
import type { RunResultNote } from '../../shared/jobs/runs/record-run.ts';
import { toFunctionError } from './function-error.ts';
import { noteRunEndQuietly } from './noted.ts';
import type { OpenedRepository } from './settings.ts';
import { logger } from './telemetry.ts';

type Record = Parameters<typeof writeAudit>[1];

/** What is written into the audit trail. */
export interface Audited {
  readonly action: 'drill' | 'export' | 'prune' | 'restore';
  /** Who asked for it. */
  readonly by: string;
  readonly run: string;
  readonly backups: Record['backups'];
  readonly target?: string | undefined;
  readonly details?: JsonObject | undefined;
  /** How a failure left the target, if that is known. */
  readonly stateAfter?: ((error: unknown) => string) | undefined;
  readonly signal: AbortSignal;
}

/** Longest time to record a failure, after the work itself was stopped. */
const LATE_MS = 10_000;

/**
 * Does what somebody asked for, and records in the log and under `reports/` that it began and how it ended.
 *
 * @throws E_STORE_*, E_KEY_* if that cannot be recorded: then it does not begin
 */
export async function audited<T>(
  repository: OpenedRepository,
  { signal, stateAfter, ...audit }: Audited,
  work: () => Promise<T>,
): Promise<T> {
  await note(repository, { ...audit, outcome: 'begun' }, signal);
  const startedAt = repository.clock.now();
  const ended = (outcome: RunResultNote) => noted(repository, audit, { ...outcome, startedAt });
  try {
    const result = await work();
    await note(repository, { ...audit, outcome: 'done' }, signal);
    await ended({ outcome: 'succeeded' });
    return result;
  } catch (error) {
    const { name } = toFunctionError(error, signal);
    await ended({ outcome: 'failed', code: name });
    const failed = { outcome: 'failed', error: name, state: stateAfter?.(error) } as const;
    await note(repository, { ...audit, ...failed }, AbortSignal.timeout(LATE_MS)).catch((problem: Error) =>
      logger.error('the failure could not be recorded', { error: problem }),
    );
    throw error;
  }
}

/** A prune is in its own report. */
async function noted(
  repository: OpenedRepository,
  { action: kind, by, run, backups, target }: Omit<Audited, 'signal' | 'stateAfter'>,
  note: RunResultNote & { readonly startedAt: Date },
): Promise<void> {
  if (kind === 'prune') return;
  const backup = backups[0] ?? null;
  await noteRunEndQuietly(repository, { kind, by, backup, target: target ?? null }, { run, backup, ...note });
}

async function note(repository: OpenedRepository, record: Record, signal: AbortSignal): Promise<void> {
  const { details: _, ...shown } = record;
  logger.info('audit', { audit: shown });
  await writeAudit(repository, record, signal);
}
