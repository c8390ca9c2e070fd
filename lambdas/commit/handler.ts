import * as z from 'zod';
import { messageOfCause } from '../../shared/core/function-cause.ts';
import { abortBackup } from '../../shared/jobs/abort-backup.ts';
import { commitBackup } from '../../shared/jobs/commit-backup.ts';
import { noteShareFailure, readShareFailure } from '../../shared/jobs/share-failure.ts';
import { run, source, type } from '../runtime/event-members.ts';
import { defineFunction, type Invocation } from '../runtime/function.ts';
import { logger, measure } from '../runtime/telemetry.ts';

/** A function that was killed, or ran out of memory. */
const KILLED = 'Lambda.Unknown';

const base = { run, source, type };
/** As Step Functions tells of a step that failed. */
const failure = z.strictObject({ Error: z.string(), Cause: z.string().optional() });
const Event = z.union([
  z.strictObject(base),
  z.strictObject({ ...base, share: z.number().int().min(0), failure }),
  z.strictObject({
    ...base,
    abort: z.literal(true),
    error: z.string().optional(),
    cause: z.string().optional(),
  }),
]);

/**
 * Lists a backup all shares of which are stored; or gives the run up, so that nothing of it is listed any more; or notes why a
 * share was given up.
 */
export const handler = defineFunction(
  Event,
  async (event, invocation) => {
    if ('share' in event) return noteFailure(event, invocation);
    return 'abort' in event ? abort(event, invocation) : commit(event, invocation);
  },
  { probe: 'runs' },
);

async function commit({ run, source }: z.infer<typeof Event>, invocation: Invocation) {
  const { config, signal, onProgress, repository } = invocation;
  const { suspects } = config;
  const result = await commitBackup(await repository(), { run, suspects, onProgress, signal });
  const { key, type, records, plainBytes, storedBytes, datasets, chunks, newChunks, parent } = result;
  const { suspect } = result;
  measure(source, {
    Records: records,
    ReadBytes: plainBytes,
    StoredBytes: storedBytes,
    Ratio: storedBytes > 0 ? plainBytes / storedBytes : undefined,
    Suspects: suspect ? suspect.findings.length : 0,
    BackupFailed: 0,
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
  };
}

async function abort(
  {
    run,
    source,
    error,
    cause,
  }: { run: string; source: string; error?: string | undefined; cause?: string | undefined },
  { signal, repository }: Invocation,
) {
  logger.error('the backup is given up', { code: error ?? 'unknown', cause: cause ?? '' });
  measure(source, { BackupFailed: 1 });
  const opened = await repository();
  const share = await readShareFailure(opened, run, signal);
  const told = share
    ? { Error: share.code, Cause: `share ${share.share}: ${share.message}` }
    : { Error: error ?? 'E_INTERNAL', Cause: messageOfCause(cause ?? '') };
  const aborted = await abortBackup(opened, { run, reason: told.Error, signal });
  return { run, aborted, failure: told };
}

interface ShareFailure {
  readonly run: string;
  readonly share: number;
  readonly failure: z.infer<typeof failure>;
}

async function noteFailure({ run, share, failure }: ShareFailure, { signal, repository }: Invocation) {
  const { Error: code, Cause: cause = '' } = failure;
  const message = code === KILLED ? `it ended without an answer (${cause})` : messageOfCause(cause);
  logger.error('a share is given up', { share, code, cause: message });
  await noteShareFailure(await repository(), run, { share, code, message }, signal);
  return { run, share };
}
