import * as z from 'zod';
import { isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Repository } from '../../repository/repository.ts';
import { type Kept, notKept } from '../verify/verify-report.ts';
import type { MissingRange } from './salvage-contents.ts';

/** For a report of kind `repair`: docs/reference/format.md. */
const Body = z.object({
  repaired: z.array(z.object({ backup: z.string(), copy: z.string() })),
  lossy: z.array(z.string()),
  unreadable: z.array(z.string()),
  missingRecords: z.number(),
});

/** Listed whole copies, by the backup that each replaces. @throws E_STORE_* */
export async function knownCopies(
  repository: Repository,
  signal: AbortSignal,
): Promise<ReadonlyMap<BackupKey, BackupKey>> {
  const listed = new Set<string>(await repository.backupKeys(signal));
  const copies = new Map<BackupKey, BackupKey>();
  for await (const { report, isProven } of repository.reports.read('repair', signal)) {
    const body = isProven ? Body.safeParse(report?.body).data : undefined;
    for (const { backup, copy } of body?.repaired ?? [])
      if (listed.has(copy)) copies.set(backup as BackupKey, copy as BackupKey);
  }
  return copies;
}

/** @throws E_ABORTED; other failures are in the result */
export async function writeRepairReport(
  repository: Repository,
  damaged: readonly DamagedBackup[],
  signal: AbortSignal,
): Promise<Kept> {
  const keysOf = (state: DamagedBackup['state']) =>
    damaged.filter((one) => one.state === state).map(({ key }) => key);
  const body: z.infer<typeof Body> = {
    repaired: damaged.flatMap(({ key, copy }) => (copy ? [{ backup: key, copy }] : [])),
    lossy: keysOf('lossy'),
    unreadable: keysOf('unreadable'),
    missingRecords: damaged.flatMap(({ missing }) => missing).reduce((sum, { records }) => sum + records, 0),
  };
  const missing = damaged.flatMap((one) => one.missing.map((range) => ({ backup: one.key, ...range })));
  const details: JsonObject = { missing };
  try {
    const backups = damaged.map(({ key }) => key);
    const report = await repository.reports.write('repair', { backups, body, details }, signal);
    return { report, warning: undefined };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    return notKept(error.message);
  }
}

/** A damaged backup, and what happened to it. */
export interface DamagedBackup {
  readonly key: BackupKey;
  /**
   * - `readable`: packs of it are damaged, but not where its own data is: it restores whole.
   * - `repaired`: `copy` is the same backup, whole.
   * - `repairable`: a copy can be made; only in a dry run.
   * - `lossy`: records are lost; the rest can be salvaged.
   * - `unreadable`: manifest or catalog are damaged, nothing of it can be found.
   */
  readonly state: 'readable' | 'repaired' | 'repairable' | 'lossy' | 'unreadable';
  readonly copy: BackupKey | undefined;
  readonly problem: string | undefined;
  readonly chunksFromElsewhere: number;
  /** Datasets without losses. */
  readonly wholeDatasets: readonly string[];
  readonly missing: readonly MissingRange[];
}
