import * as z from 'zod';
import { backupSchedulesOf, scheduleNames } from '../../shared/core/schedule-names.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { readSourceAges, type SourceAges } from '../../shared/jobs/source-ages.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction, type Invocation } from '../runtime/function.ts';
import { repositoryIfMade } from '../runtime/repository-if-made.ts';
import type { Repository } from '../runtime/settings.ts';
import { logger, measure } from '../runtime/telemetry.ts';

const NEVER = { backupMs: undefined, verificationMs: undefined, drillMs: undefined, firstMs: undefined };
const NONE = { ...NEVER, isProven: true, waiting: 0, damaged: 0, uncovered: 0, head: undefined };
/** What the age of a backup is measured as that never was and that no schedule makes: a hundred years, so that alarms fire. */
const NEVER_MS = 100 * 365 * 86_400 * SECOND_MS;

/**
 * Measures how old the newest good backup of each source is, and tells where it is too old, and which schedules are off. With the key
 * only what is proven to be Holdfast's makes anything young.
 */
export const handler = defineFunction(z.strictObject({}), async (_event, invocation) => {
  const { config, signal } = invocation;
  const repository = await repositoryIfMade(invocation, { withKey: 'manifests' });
  const found = repository ? await readSourceAges(repository, signal) : [];
  const { backupAgeMs } = config.aws.alarms;
  const missed: string[] = [];
  const sources = config.sources.map(({ name }) => {
    return found.find(({ source }) => source === name) ?? { source: name, ...NONE };
  });
  if (sources.some(({ isProven }) => !isProven))
    logger.warn('no key is configured: that backups and reports are Holdfast’s own is not proven');
  for (const ages of sources) {
    const ageMs = ages.backupMs ?? (await waitedMs(ages.source, invocation));
    const isMissed = ageMs > backupAgeMs;
    report({ ...ages, backupMs: ageMs }, isMissed);
    if (!isMissed) continue;
    missed.push(ages.source);
    const allowedSeconds = seconds(backupAgeMs);
    await putEvent('Backup Missed', {
      source: ages.source,
      ageSeconds: seconds(ages.backupMs),
      allowedSeconds,
    });
  }
  const copies = repository && config.copies.length > 0 ? await copiesOf(repository, invocation) : [];
  return { sources: sources.map(inSeconds), missed, copies, off: await tellOfSchedules(invocation) };
});

/** How long a source waits for its first good backup: since it has a schedule. */
async function waitedMs(source: string, { config, signal }: Invocation): Promise<number> {
  const group = process.env['HOLDFAST_SCHEDULE_GROUP'];
  if (!group) return NEVER_MS;
  const { scheduledSince } = await import('./schedules.ts');
  const names = backupSchedulesOf(source, config);
  const since = await scheduledSince(group, names, signal);
  return since ? Math.max(0, Date.now() - since.getTime()) : NEVER_MS;
}

async function copiesOf(repository: Repository, { config, signal }: Invocation) {
  const { measureCopies } = await import('./copies.ts');
  return measureCopies(repository, config, signal);
}

/** A schedule that is gone is told of at once, not when its first backup is missed. */
async function tellOfSchedules({ config, signal }: Invocation): Promise<string[]> {
  const group = process.env['HOLDFAST_SCHEDULE_GROUP'];
  if (!group) return [];
  const { schedulesOff } = await import('./schedules.ts');
  const off = await schedulesOff(group, scheduleNames(config), signal);
  for (const { schedule, state } of off) {
    logger.error('a schedule does not fire', { schedule, state });
    await putEvent('Schedule Off', { schedule, state });
  }
  return off.map(({ schedule }) => schedule);
}

function report(ages: SourceAges, isMissed: boolean): void {
  const { source, backupMs, firstMs, waiting, damaged, uncovered, head } = ages;
  // Kept outside of the bucket: who removes the newest backups does not reach it here.
  if (head) {
    const { number, sha256, key: backup } = head;
    logger.info('the newest by its number', { source, number, sha256, backup });
  }
  // What was never done is as old as what it was never done for.
  const { verificationMs = firstMs, drillMs = firstMs } = ages;
  measure(source, {
    BackupAge: seconds(backupMs ?? NEVER_MS) ?? undefined,
    VerificationAge: seconds(verificationMs) ?? undefined,
    DrillAge: seconds(drillMs) ?? undefined,
    Suspects: waiting,
    VerificationFailed: damaged,
    Uncovered: uncovered,
    BackupMissed: isMissed ? 1 : 0,
    BackupNumber: head?.number,
  });
  if (isMissed) logger.error('no good backup is young enough', { source, ageSeconds: seconds(backupMs) });
}

function inSeconds({ backupMs, verificationMs, drillMs, firstMs: _, head, ...ages }: SourceAges) {
  return {
    ...ages,
    number: head?.number ?? null,
    sha256: head?.sha256 ?? null,
    backupAge: seconds(backupMs),
    verificationAge: seconds(verificationMs),
    drillAge: seconds(drillMs),
  };
}

function seconds(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms / SECOND_MS);
}
