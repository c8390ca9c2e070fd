import type { BackupKey } from '../../core/ids.ts';
import type { OnProgress } from '../../core/progress.ts';
import { packIdOf } from '../../format/pack.ts';
import { isDamage } from '../../repository/reading/damage.ts';
import type { Repository } from '../../repository/repository.ts';
import { type VerifyReport, verifyBackups } from '../verify/verify.ts';
import { type Kept, keepVerifyReport } from '../verify/verify-report.ts';
import { assessDamage } from './damage-assessment.ts';
import { type DamagedBackup, knownCopies, writeRepairReport } from './repair-report.ts';
import { writeWholeCopy } from './repaired-copy.ts';
import { readSalvage } from './salvage-contents.ts';
import { SalvagedBackup } from './salvaged-backup.ts';

/** What was damaged, and what was mended. */
export interface RepairResult {
  readonly backups: readonly BackupKey[];
  readonly damaged: readonly DamagedBackup[];
  /** The report of kind `repair`; the verification's if nothing was damaged. */
  readonly kept: Kept;
}

/** Whether anything is written. */
export interface RepairOptions {
  /** Check, and write nothing. */
  readonly dryRun: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

/**
 * Verifies backups, searches all others for what is damaged, and writes a whole copy of each damaged backup
 * that can be completed. The damaged one stays until retention removes it: nothing is changed or removed.
 *
 * @throws E_STORE_*, E_NO_KEY, E_ABORTED
 */
export async function repairBackups(
  repository: Repository,
  keys: readonly BackupKey[],
  options: RepairOptions,
): Promise<RepairResult> {
  const { dryRun, signal } = options;
  const report = await verifyBackups(repository, keys, { depth: { kind: 'full' }, ...options });
  const verified: Kept = dryRun
    ? { report: undefined, warning: undefined }
    : await keepVerifyReport(repository, report, signal);
  if (report.interrupted) throw report.interrupted;
  const hit = new Set(report.findings.flatMap(({ backups }) => backups));
  const copies = await knownCopies(repository, signal);
  const damaged: DamagedBackup[] = [];
  for (const key of report.backups) {
    if (!hit.has(key)) continue;
    const copy = copies.get(key);
    const isMade = copy !== undefined && !hit.has(copy) && (await isWhole(repository, copy, report, signal));
    damaged.push(
      isMade ? { ...NOTHING, key, state: 'repaired', copy } : await repair(repository, key, report, options),
    );
  }
  if (damaged.length === 0 || dryRun) return { backups: report.backups, damaged, kept: verified };
  return { backups: report.backups, damaged, kept: await writeRepairReport(repository, damaged, signal) };
}

async function isWhole(
  repository: Repository,
  key: BackupKey,
  { backups }: VerifyReport,
  signal: AbortSignal,
): Promise<boolean> {
  if (backups.includes(key)) return true;
  const { findings } = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal });
  return findings.length === 0;
}

const NOTHING = {
  copy: undefined,
  problem: undefined,
  chunksFromElsewhere: 0,
  wholeDatasets: [],
  missing: [],
} as const;

async function repair(
  repository: Repository,
  key: BackupKey,
  report: VerifyReport,
  { dryRun, signal }: RepairOptions,
): Promise<DamagedBackup> {
  const packs = new Set<string>(report.findings.flatMap(({ object }) => packIdOf(object) ?? []));
  const isDamaged = (pack: string) => packs.has(pack);
  const backup = await open(repository, key, isDamaged, signal);
  if ('problem' in backup) return { ...NOTHING, key, state: 'unreadable', problem: backup.problem };
  const { missing, chunksFromElsewhere, damaged } = await readSalvage(backup.salvaged, signal);
  const { datasets } = backup.salvaged.reader.catalog;
  const wholeDatasets = datasets.map(({ name }) => name).filter((name) => !damaged.has(name));
  const found = { ...NOTHING, key, chunksFromElsewhere, wholeDatasets, missing };
  if (missing.length > 0) return { ...found, state: 'lossy' };
  if (!backup.isHit) return { ...found, state: 'readable' };
  if (dryRun) return { ...found, state: 'repairable' };
  const copy = await writeWholeCopy(repository, backup.salvaged, { isDamaged, signal });
  return { ...found, state: 'repaired', copy };
}

async function open(
  repository: Repository,
  key: BackupKey,
  isDamagedPack: (pack: string) => boolean,
  signal: AbortSignal,
) {
  try {
    const reader = await repository.openBackup(key, signal);
    const backups = await repository.backupKeys(signal);
    const examination = await assessDamage(repository, reader, { backups, isDamagedPack, signal });
    return { salvaged: new SalvagedBackup(repository, reader, examination), isHit: examination.isHit };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { problem: error.message };
  }
}
