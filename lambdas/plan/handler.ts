import { createHash } from 'node:crypto';
import * as z from 'zod';
import { backupTypes, knownBackupType } from '../../shared/config/backup-types.ts';
import { claimRun } from '../../shared/jobs/backup/claim-run.ts';
import { mustBeHeld, planBackup } from '../../shared/jobs/backup/plan-backup.ts';
import { examinedSources } from '../runtime/doctor-sources.ts';
import { noParent, note, source, type } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { noteRunEndQuietly } from '../runtime/noted.ts';
import { type PlannedRun, planOptions, sharesOf } from '../runtime/planned-run.ts';
import { openConfiguredSource } from '../runtime/sources.ts';
import { logger } from '../runtime/telemetry.ts';
import { waitForFirstChanges } from './first-changes.ts';
import { openOrMake } from './repository.ts';

const Event = z.strictObject({
  source,
  type,
  note,
  noParent,
  /** The same for every execution that should make the same backup. */
  scheduledTime: z.string().min(1).max(64).optional(),
  /** The execution's own id: its ARN. */
  execution: z.string().min(1).max(1024),
});

interface Plan extends PlannedRun {
  /** For a function that plans in its place. */
  readonly noParent: boolean;
  /**
   * - `shares`: planned, all shares can be read.
   * - `hold`: the database's snapshot must be kept open: invoke `hold`, which plans.
   * - `duplicate`: another execution makes the backup of that scheduled time; `run` is its run.
   */
  readonly mode: 'duplicate' | 'hold' | 'shares';
}

/** Begins a scheduled backup: opens the source, and divides it into shares. */
export const handler = defineFunction(
  Event,
  async (event, invocation): Promise<Plan> => {
    const run = createHash('sha256').update(event.execution).digest('hex').slice(0, 32);
    logger.appendKeys({ run });
    try {
      return await planOf(event, run, invocation);
    } catch (error) {
      await noteFailure({ run, ...event }, error, invocation);
      throw error;
    }
  },
  { probe: 'runs', places: examinedSources },
);

async function planOf(event: z.infer<typeof Event>, run: string, invocation: Invocation): Promise<Plan> {
  const { config, signal, onProgress } = invocation;
  const type = knownBackupType(event.type, backupTypes(config));
  const { noParent = false } = event;
  const about = { run, source: event.source, type };
  const source = await openConfiguredSource(event.source, config, signal);
  const repository = await openOrMake(invocation);
  if (event.scheduledTime !== undefined) {
    const { scheduledTime } = event;
    const claim = await claimRun(repository, { ...about, scheduledTime, signal });
    if (claim.passedOver !== undefined) logger.warn('ignored a claim', { cause: claim.passedOver });
    if (!claim.isOurs) return { ...about, run: claim.run, noParent, mode: 'duplicate', shares: [] };
  }
  await waitForFirstChanges(repository, source, { config, signal });
  if (mustBeHeld(source)) return { ...about, noParent, mode: 'hold', shares: [] };
  await using plan = await planBackup(repository, source, {
    ...planOptions({ ...about, note: event.note, noParent }, config),
    onProgress,
    signal,
  });
  return { ...about, noParent, mode: 'shares', shares: sharesOf(plan, about, config) };
}

/** No share and no commit will follow, so the failure is recorded here. */
async function noteFailure(
  { run, source, type }: Pick<PlannedRun, 'run' | 'source' | 'type'>,
  error: unknown,
  { repository, signal }: Invocation,
): Promise<void> {
  const opened = await repository().catch(() => undefined);
  const code = toFunctionError(error, signal).name;
  if (opened)
    await noteRunEndQuietly(opened, { kind: 'backup', source, type }, { run, outcome: 'failed', code });
}
