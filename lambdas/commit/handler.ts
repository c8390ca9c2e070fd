import * as z from 'zod';
import { SECOND_MS } from '../../shared/core/units.ts';
import { abortBackup } from '../../shared/jobs/backup/abort-backup.ts';
import { commitBackup } from '../../shared/jobs/backup/commit-backup.ts';
import { noteShareFailure, readShareFailure } from '../../shared/jobs/backup/share-failure.ts';
import { noteOfBackup } from '../../shared/jobs/runs/record-run.ts';
import { newPartsOf } from '../../shared/jobs/verify/verify-parts.ts';
import { run, source, type } from '../runtime/event-members.ts';
import { explained, StepFailure } from '../runtime/explained.ts';
import { defineFunction } from '../runtime/function.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { noteRunEndQuietly } from '../runtime/noted.ts';
import { logger, publishMetrics } from '../runtime/telemetry.ts';

const base = { run, source, type };
const Event = z.union([
  z.strictObject(base),
  z.strictObject({ explain: StepFailure }),
  z.strictObject({ ...base, share: z.number().int().min(0), failure: StepFailure }),
  z.strictObject({
    ...base,
    abort: z.literal(true),
    error: z.string().optional(),
    cause: z.string().optional(),
  }),
]);

/**
 * Lists a backup whose shares are all stored; or gives the run up, so that its backup is never listed; or
 * records why a share failed; or puts another step's failure, which Step Functions has as JSON, into words.
 */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    if ('explain' in event) return explained(event.explain);
    if ('share' in event) return noteFailure(event, invocation);
    return 'abort' in event ? abort(event, invocation) : commit(event, invocation);
  },
  { probe: 'runs', signs: true },
);

async function commit({ run, source }: RunOfEvent, invocation: Invocation) {
  const { config, signal, onProgress, repository } = invocation;
  const { suspects } = config;
  const opened = await repository();
  const result = await commitBackup(opened, { run, suspects, onProgress, signal });
  const about = { kind: 'backup', source, type: result.type } as const;
  await noteRunEndQuietly(opened, about, { run, startedAt: result.startedAt, ...noteOfBackup(result) });
  const { key, type, records, plainBytes, storedBytes, datasets, chunks, newChunks, parent } = result;
  const { suspect, parentDamage, head } = result;
  if (parentDamage > 0) logger.error('the parent is damaged', { backup: parent ?? '', chunks: parentDamage });
  const { startedAt, finishedAt } = result;
  publishMetrics(source, {
    Duration: (finishedAt.getTime() - startedAt.getTime()) / SECOND_MS,
    Records: records,
    ReadBytes: plainBytes,
    StoredBytes: storedBytes,
    Ratio: storedBytes > 0 ? plainBytes / storedBytes : undefined,
    Suspects: suspect ? suspect.findings.length : 0,
    BackupFailed: 0,
    // Raises the same alarm as damage that a verification found; the watchdog's next check says what is known
    // by then.
    VerificationFailed: parentDamage > 0 ? 1 : undefined,
  });
  return {
    key,
    type,
    source,
    records,
    plainBytes,
    storedBytes,
    datasets,
    chunks,
    newChunks,
    suspect: suspect ? { findings: suspect.findings.length } : null,
    parent: parent ?? null,
    parentDamage,
    head: head ?? null,
    /** For the state machine: what to verify next. */
    verification: { parts: newPartsOf(key, storedBytes), damaged: [] },
  };
}

async function abort(
  {
    run,
    source,
    type,
    error,
    cause,
  }: RunOfEvent & { readonly error?: string | undefined; readonly cause?: string | undefined },
  { signal, repository }: Invocation,
) {
  logger.error('the backup is given up', { code: error ?? 'unknown', cause: cause ?? '' });
  publishMetrics(source, { BackupFailed: 1 });
  const opened = await repository();
  const share = await readShareFailure(opened, run, signal);
  const told = share
    ? { Error: share.code, Cause: `share ${share.share}: ${share.message}` }
    : explained({ Error: error ?? 'E_INTERNAL', Cause: cause });
  const aborted = await abortBackup(opened, { run, reason: told.Error, signal });
  await noteRunEndQuietly(
    opened,
    { kind: 'backup', source, type },
    { run, outcome: 'failed', code: told.Error },
  );
  return { run, aborted, failure: told };
}

type RunOfEvent = z.infer<z.ZodObject<typeof base>>;

interface ShareFailure {
  readonly run: string;
  readonly share: number;
  readonly failure: z.infer<typeof StepFailure>;
}

async function noteFailure({ run, share, failure }: ShareFailure, { signal, repository }: Invocation) {
  const { Error: code, Cause: message } = explained(failure);
  logger.error('a share is given up', { share, code, cause: message });
  await noteShareFailure(await repository(), run, { share, code, message }, signal);
  return { run, share };
}
