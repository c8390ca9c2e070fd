import * as z from 'zod';
import { ageOf } from '../../shared/config/age.ts';
import { isHoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { sharedByOf } from '../../shared/jobs/verify/shared-damage.ts';
import { type VerifyReport, verifyBackups } from '../../shared/jobs/verify/verify.ts';
import { MOST_PARTS, parseDepth, type VerifyDepth } from '../../shared/jobs/verify/verify-depth.ts';
import { keepVerifyReport } from '../../shared/jobs/verify/verify-report.ts';
import { notVerifiedSince } from '../../shared/jobs/verify/verify-since.ts';
import { backupKeyMember } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { explained, StepFailure } from '../runtime/explained.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { repositoryIfMade } from '../runtime/repository-if-made.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';
import { divided, type Part, planParts, type Spread, type Which } from './parts.ts';

const depth = z
  .string()
  .refine(
    (text) => parseDepth(text) !== undefined,
    `give quick, full, N/T, new or new:N/T, with T from 1 to ${MOST_PARTS} and N from 1 to T`,
  )
  .default('full');
/**
 * Asks only for the parts that a state machine should verify, or verifies one without failing if it takes too
 * long.
 */
const common = { depth, plan: z.literal(true).optional(), inParts: z.literal(true).optional() };
const Request = z.union([
  z.strictObject({ backup: backupKeyMember, ...common }),
  z.strictObject({
    since: z.string().regex(/^[1-9]\d{0,4}[mhd]$/, 'give an age: 30m, 12h, 7d'),
    ...common,
    /** One share a day, so that everything is read within this many days. */
    days: z.number().int().min(1).max(366).optional(),
    /** Time of the schedule, which chooses the share. */
    scheduledTime: z.iso.datetime({ offset: true }).optional(),
  }),
]);
/** Combines the answers of the parts, and the damage found before them. */
const Gathering = z.strictObject({
  gather: z.array(
    z.strictObject({
      damaged: z.array(z.string()),
      unfinished: z.array(z.record(z.string(), z.unknown())),
      failures: z.array(StepFailure),
    }),
  ),
  damaged: z.array(z.string()),
});
const Event = z.union([Request, Gathering]);

interface Verified {
  readonly verified: number;
  readonly damaged: readonly BackupKey[];
  readonly findings: number;
  /** What is still to be read, as events; empty unless it was asked for in parts. */
  readonly unfinished: readonly Part[];
}

/**
 * Verifies one backup, or all that were not found whole for a while, and keeps the findings as a report; or
 * plans the parts of that, or combines their answers.
 */
export const handler = defineFunction(Event, async (event, invocation) => {
  if ('gather' in event) return gathered(event);
  const which = 'backup' in event ? { backup: event.backup } : { since: event.since };
  const how = parseDepth(event.depth) ?? { kind: 'full' };
  if (event.plan) {
    const repository = await openFor(which, invocation);
    if (!repository) return { parts: [], damaged: [] };
    const spread = spreadOf(event, repository.clock.now());
    const parts = await planParts(repository, which, { depth: how, spread, signal: invocation.signal });
    return { parts, damaged: [] };
  }
  return verify(which, { how, inParts: event.inParts ?? false, invocation });
});

function gathered({ gather, damaged }: z.infer<typeof Gathering>) {
  return {
    damaged: [...new Set([...damaged, ...gather.flatMap((part) => part.damaged)])],
    parts: gather.flatMap(({ unfinished }) => unfinished),
    failures: gather.flatMap(({ failures }) => failures.map(explained)).slice(0, 1),
  };
}

function spreadOf(event: z.infer<typeof Request>, now: Date): Spread | undefined {
  if (!('since' in event) || event.days === undefined) return undefined;
  return { days: event.days, at: new Date(event.scheduledTime ?? now) };
}

interface Verification {
  readonly how: VerifyDepth;
  readonly inParts: boolean;
  readonly invocation: Invocation;
}

/** A part that takes too long is not a failure if it can be divided. */
async function verify(which: Which, options: Verification): Promise<Verified> {
  try {
    return await verifyPart(which, options);
  } catch (error) {
    const { how, inParts, invocation } = options;
    const { name } = toFunctionError(error, invocation.signal);
    const rest = inParts && name === 'E_OUT_OF_TIME' ? divided(which, how) : undefined;
    if (!rest) throw error;
    return { verified: 0, damaged: [], findings: 0, unfinished: rest };
  }
}

async function verifyPart(which: Which, { how, inParts, invocation }: Verification): Promise<Verified> {
  const repository = await openFor(which, invocation);
  if (!repository) return { verified: 0, damaged: [], findings: 0, unfinished: [] };
  const { signal, onProgress } = invocation;
  const keys = await chosenKeys(repository, which, { depth: how, signal });
  const sequence = looksAtSequences(which, how) ? {} : undefined;
  const report = await verifyBackups(repository, keys, { depth: how, sequence, onProgress, signal });
  const interrupted = report.interrupted && isOutOfTime(signal) ? signal.reason : report.interrupted;
  const damaged = await keep(repository, { ...report, interrupted }, invocation);
  const { backups, findings } = report;
  // Otherwise the state machine publishes it.
  if ('since' in which && !inParts)
    for (const backup of damaged)
      await putEvent('Verification Failed', {
        backup,
        damaged,
        sharedBy: sharedByOf(findings),
        figures: { findings: findings.length },
      });
  const rest = inParts && isOutOfTime(signal) ? divided(which, how) : undefined;
  if (interrupted && !rest) throw interrupted;
  return { verified: backups.length, damaged, findings: findings.length, unfinished: rest ?? [] };
}

/** Once for all parts of a verification of everything. */
function looksAtSequences(which: Which, how: VerifyDepth): boolean {
  return 'since' in which && (how.kind === 'quick' || how.kind === 'full' || how.part === 1);
}

/** Undefined if everything is to be verified, but there is nothing yet. */
function openFor(which: Which, invocation: Invocation): Promise<OpenedRepository | undefined> {
  return 'backup' in which ? invocation.repository() : repositoryIfMade(invocation);
}

async function chosenKeys(
  repository: OpenedRepository,
  which: Which,
  { depth, signal }: { readonly depth: VerifyDepth; readonly signal: AbortSignal },
): Promise<readonly BackupKey[]> {
  if ('backup' in which) return [which.backup as BackupKey];
  const since = new Date(repository.clock.now().getTime() - ageOf(which.since));
  return notVerifiedSince(repository, await repository.backupKeys(signal), { since, depth, signal });
}

/** @returns the backups that are damaged, or missing */
async function keep(
  repository: OpenedRepository,
  report: VerifyReport,
  { signal }: Invocation,
): Promise<readonly BackupKey[]> {
  // What was found before time ran out is kept in the remaining time.
  const kept = await keepVerifyReport(
    repository,
    report,
    report.interrupted ? AbortSignal.timeout(LATE_MS) : signal,
  );
  if (kept.warning !== undefined) logger.warn(kept.warning);
  const { backups, findings } = report;
  for (const { object, problem, sharedBy } of findings) logger.error(problem, { object, sharedBy });
  for (const { recoveryKey, backups } of report.recovery?.notOpened ?? [])
    logger.warn('a recovery key does not open every backup', { recoveryKey, backups });
  for (const problem of report.recovery?.problems ?? []) logger.warn(problem);
  const missing = (report.sequence?.breaks ?? []).map(({ object }) => object as BackupKey);
  const damaged = backups.filter((key) => findings.some((finding) => finding.backups.includes(key)));
  return [...new Set([...damaged, ...missing])];
}

/** Longest time to keep findings, after the work itself was stopped. */
const LATE_MS = 10_000;

function isOutOfTime(signal: AbortSignal): boolean {
  return signal.aborted && isHoldfastError(signal.reason, 'E_OUT_OF_TIME');
}
