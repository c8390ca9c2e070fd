import * as z from 'zod';
import { abortBackup } from '../../shared/jobs/abort-backup.ts';
import { commitBackup } from '../../shared/jobs/commit-backup.ts';
import { run, source, type } from '../runtime/event-members.ts';
import { defineFunction, type Invocation } from '../runtime/function.ts';
import { logger, measure } from '../runtime/telemetry.ts';

const base = { run, source, type };
const Event = z.union([
  z.strictObject(base),
  z.strictObject({
    ...base,
    abort: z.literal(true),
    error: z.string().optional(),
    cause: z.string().optional(),
  }),
]);

/** Lists a backup all shares of which are stored; or gives the run up, so that nothing of it is listed any more. */
export const handler = defineFunction(Event, async (event, invocation) =>
  'abort' in event ? abort(event, invocation) : commit(event, invocation),
);

async function commit({ run, source }: z.infer<typeof Event>, { config, signal, repository }: Invocation) {
  const result = await commitBackup(await repository(), { run, suspects: config.suspects, signal });
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
  const reason = error ?? 'E_INTERNAL';
  const aborted = await abortBackup(await repository(), { run, reason, signal });
  return { run, aborted };
}
