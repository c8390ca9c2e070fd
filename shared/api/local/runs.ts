import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../core/units.ts';
import { runBackup } from '../../jobs/backup/backup.ts';
import { runDrill } from '../../jobs/drill/drill.ts';
import { momentsOf } from '../../jobs/drill/drill-moment.ts';
import { chooseBackup } from '../../jobs/restore/choose-backup.ts';
import { knownKind, openScratch } from '../../jobs/source/adapters.ts';
import { openSource } from '../../jobs/source/open-source.ts';
import { namedSource } from '../../jobs/source/same-source.ts';
import { sourceNames } from '../../jobs/source/source-names.ts';
import { sharedByOf } from '../../jobs/verify/shared-damage.ts';
import { verifyBackups } from '../../jobs/verify/verify.ts';
import { keepVerifyReport } from '../../jobs/verify/verify-report.ts';
import { notVerifiedSince } from '../../jobs/verify/verify-since.ts';
import type { CreateBody, DrillBody, VerifyBody } from '../schema/runs.ts';
import { ApiError } from '../server/api-error.ts';
import type { LocalBackendOptions } from './options.ts';
import type { NamedPlace } from './places.ts';
import type { Work } from './work.ts';

/** A backup of one source, as a run. */
export function backupRun(
  { repository, suspects, env }: LocalBackendOptions,
  place: NamedPlace,
  { type, note, noParent }: Pick<CreateBody, 'type' | 'note' | 'noParent'>,
): Work {
  return async ({ onProgress, signal }) => {
    const source = await openPlaced(place, env);
    const backup = await runBackup(repository, source, {
      type,
      note,
      noParent,
      suspects,
      onProgress,
      signal,
    });
    const { key, records, datasets, plainBytes, storedBytes, chunks, newChunks, suspect } = backup;
    const figures = {
      records,
      datasets,
      plainBytes,
      storedBytes,
      chunks,
      newChunks,
      suspect: suspect !== undefined,
    };
    return { backup: key, result: figures };
  };
}

/** A configured source goes by its configured name; any other by its location. */
async function openPlaced(place: NamedPlace, env: LocalBackendOptions['env']) {
  const source = await openSource(place, env);
  return source.name === place.name ? source : namedSource(source, place.name);
}

/** A verification, as a run. */
export function verifyRun(
  { repository }: LocalBackendOptions,
  backup: BackupKey | null,
  { since, depth }: VerifyBody,
): Work {
  return async ({ onProgress, signal }) => {
    const keys = backup
      ? [backup]
      : await notVerifiedSince(repository, await repository.backupKeys(signal), {
          since: new Date(repository.clock.now().getTime() - ageMs(since)),
          depth: { kind: depth },
          signal,
        });
    const report = await verifyBackups(repository, keys, { depth: { kind: depth }, onProgress, signal });
    const kept = await keepVerifyReport(repository, report, signal);
    if (kept.warning !== undefined) onProgress({ kind: 'warning', code: 'verify', message: kept.warning });
    const { backups, packs, chunks, records, readBytes, findings, interrupted } = report;
    const result: JsonObject = {
      backups: backups.length,
      packs,
      chunks,
      records,
      readBytes,
      findings: findings.length,
      damaged: [...new Set(findings.flatMap((finding) => finding.backups))],
      sharedBy: [...sharedByOf(findings)],
    };
    const damage = new ApiError('E_VERIFY_FAILED', `${findings.length} problems found`, {
      hint: 'Back up again: that stores again what the database still has. docs/guide/restore.md continues from there.',
    });
    return { result, failure: interrupted ?? (findings.length > 0 ? damage : undefined) };
  };
}

/** A drill, as a run. */
export function drillRun(
  { repository, sources, drillServer, env }: LocalBackendOptions,
  backup: BackupKey | null,
  { source, noMoment = false, by }: Pick<DrillBody, 'noMoment' | 'source'> & { readonly by: string },
): Work {
  return async ({ onProgress, signal }) => {
    const newestGood = async () =>
      chooseBackup(repository, 'good', { source, sources: await sourceNames(sources, env), signal });
    const key = backup ?? (await newestGood());
    const { kind, name: stored } = (await repository.readManifest(key, signal)).source;
    const server = await openScratch(drillServer(knownKind(kind)), env);
    const locations = [...(await sourceNames(sources, env)).values()].find((names) => names.includes(stored));
    const restoreMoment = noMoment ? undefined : momentsOf(kind);
    const drill = await runDrill(repository, key, server, {
      by,
      locations,
      restoreMoment,
      onProgress,
      signal,
    });
    const { outcome, restoreMs, compareMs, records, plainBytes, report, error } = drill;
    const different = new ApiError('E_RESTORE_DIFFERS', 'what was restored differs from the backup', {
      hint: `The report ${report} lists the differences.`,
    });
    return {
      backup: key,
      result: { outcome, restoreMs, compareMs, records, plainBytes, report },
      failure: error ?? (outcome === 'equal' ? undefined : different),
    };
  };
}

const UNITS: Readonly<Record<string, number>> = { m: MINUTE_MS, h: HOUR_MS, d: DAY_MS };

function ageMs(since = '0d'): number {
  return Number(since.slice(0, -1)) * (UNITS[since.slice(-1)] ?? 0);
}
