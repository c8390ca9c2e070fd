import { HOUR_MS } from '../../shared/core/units.ts';
import { needsBase } from '../../shared/jobs/changes/timeline.ts';
import { continuousSources } from '../runtime/continuous.ts';
import type { Invocation } from '../runtime/invocation.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

/** What a backup that changes need is listed as. */
const BASE_TYPE = 'daily';
/** One that fails is not begun again at once. */
const AGAIN_MS = 4 * HOUR_MS;

/**
 * Has backups made that stored changes need to begin with. A poll has that done as soon as it stores what needs one; if that backup was
 * lost or failed, this does it, unless some backup is being made now.
 *
 * @returns names of the sources whose backup was begun
 */
export async function makeDueBases(
  repository: OpenedRepository | undefined,
  { config, signal }: Invocation,
): Promise<readonly string[]> {
  const machine = process.env['HOLDFAST_BACKUP_MACHINE'];
  if (!repository || !machine) return [];
  const begun: string[] = [];
  for (const { kind, name } of continuousSources(config)) {
    const due = await whyDue(repository, { kind, name }, signal);
    if (due === undefined) continue;
    const { isRunning } = await import('../runtime/running-executions.ts');
    if (await isRunning(machine, signal)) return begun;
    const { startExecution } = await import('../runtime/start-execution.ts');
    const turn = Math.floor(repository.clock.now().getTime() / AGAIN_MS);
    logger.warn('a new backup is made', { source: name, cause: due });
    await startExecution(
      machine,
      `base-${name}-${turn}`.slice(-80),
      { source: name, type: BASE_TYPE },
      signal,
    );
    begun.push(name);
  }
  return begun;
}

/** What is wrong with changes is for verifications to say: it keeps nobody from watching the rest. */
async function whyDue(
  repository: OpenedRepository,
  source: { readonly kind: string; readonly name: string },
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await needsBase(repository, source, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    logger.error('could not tell whether changes need a new backup', {
      source: source.name,
      error: error as Error,
    });
    return undefined;
  }
}
