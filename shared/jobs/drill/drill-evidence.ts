import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { isReportKey } from '../../format/report.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import type { StoredReport } from '../../repository/documents/stored-report.ts';
import type { Repository } from '../../repository/repository.ts';

/** The evidence of a drill, and what vouches for it. */
export interface DrillEvidence {
  /** Path of the report. */
  readonly key: string;
  /** By its writer's clock, and by the store's. */
  readonly at: Date;
  readonly storedAt: Date;
  /** Of the report's bytes, in hex. */
  readonly sha256: string;
  readonly software: string;
  readonly repository: string;
  readonly backup: BackupKey;
  readonly body: Body<'drill'>;
  /** The part that only the key opens; undefined without it. */
  readonly details: JsonObject | undefined;
  /** Whether its MAC was checked, which needs the key. */
  readonly isProven: boolean;
  readonly signature: StoredReport['signature'];
  /** Of the present manifest; undefined if the backup is gone. */
  readonly manifestSha256: string | undefined;
  /** The backup's own name for its source, if the report has none. */
  readonly source: { readonly kind: string; readonly name: string } | undefined;
}

/** `drill_20260301_020000_0123abcd`, or the whole path of a drill's report. @throws E_USAGE */
export function drillReportKey(text: string): string {
  const day = /^drill_(\d{8})_/.exec(text)?.[1];
  const key = day === undefined ? text : `reports/drill/${day}/${text.replace(/\.json$/, '')}.json`;
  if (isReportKey(key) && key.startsWith('reports/drill/')) return key;
  throw new HoldfastError('E_USAGE', `'${text}' is not a report of a drill`, {
    hint: "A drill's report has a name like drill_20260301_020000_0123abcd, or its whole path below reports/drill/.",
  });
}

/** @throws E_OBJECT_NOT_FOUND, E_DAMAGED, E_STORE_* */
export async function readDrillEvidence(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<DrillEvidence> {
  const { modifiedAt } = await repository.store.head(key, { signal });
  return evidenceOf(repository, await repository.reports.open(key, modifiedAt, signal), signal);
}

/** For a report that is stored elsewhere, as somebody has filed it. @throws E_DAMAGED if it was changed */
export async function drillEvidenceIn(
  repository: Repository,
  { bytes, name }: { readonly bytes: Uint8Array; readonly name: string },
  signal: AbortSignal,
): Promise<DrillEvidence> {
  const storedAt = repository.clock.now();
  const stored = await repository.reports.inspect(drillReportKey(name), async () => bytes, {
    storedAt,
    signal,
  });
  return evidenceOf(repository, stored, signal);
}

/** @throws E_DAMAGED if the report cannot be trusted */
export async function evidenceOf(
  repository: Repository,
  stored: StoredReport,
  signal: AbortSignal,
): Promise<DrillEvidence> {
  const { report, problem, storedAt, isProven, signature, sha256 = '' } = stored;
  if (!report) throw problem ?? new HoldfastError('E_DAMAGED', `${stored.key} cannot be read`);
  const { key, at, software, backups } = report;
  const backup = (backups[0] ?? '') as BackupKey;
  const body = parseBody('drill', report);
  const now = await manifestNow(repository, backup, signal);
  return {
    key,
    at: new Date(at),
    storedAt,
    sha256,
    software,
    repository: report.repository,
    backup,
    body,
    details: repository.context.keys.hasRootKey
      ? await repository.reports.details(report, signal)
      : undefined,
    isProven,
    signature,
    manifestSha256: now?.sha256,
    source: body.source ?? now?.source,
  };
}

async function manifestNow(repository: Repository, key: BackupKey, signal: AbortSignal) {
  try {
    const { sha256, manifest, claimed } = await repository.inspectManifest(key, signal);
    return { sha256, source: (manifest ?? claimed)?.source };
  } catch (error) {
    if (isHoldfastError(error, 'E_NO_BACKUP') || isDocumentProblem(error)) return undefined;
    throw error;
  }
}
