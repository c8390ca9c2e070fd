import { isDocumentProblem } from '../../format/authenticated-json.ts';
import type { Manifest, ManifestRef } from '../../format/manifest.ts';
import { type Body, parseBody } from '../../format/report-bodies.ts';
import type { Reports } from './reports.ts';
import type { StoredReport } from './stored-report.ts';

/** A backup that prune removed, as its report says. */
export interface RemovedBackup extends ManifestRef {
  readonly source: Manifest['source'];
  /** Its number among the backups of its source; undefined if its manifest had none. */
  readonly number: number | undefined;
}

/** Backups that prunes took out of the list. */
export interface Removals {
  readonly removed: readonly RemovedBackup[];
  /** Names in reports of older releases, without hashes. */
  readonly removedBefore: ReadonlySet<string>;
}

/**
 * Everything that the reports of prunes say was removed. With a key, only reports count that prove to be
 * Holdfast's. @throws E_STORE_*
 */
export async function readRemovals(
  { reports }: { readonly reports: Pick<Reports, 'read'> },
  signal: AbortSignal,
): Promise<Removals> {
  const removed: RemovedBackup[] = [];
  const removedBefore = new Set<string>();
  for await (const stored of reports.read('prune', signal)) {
    const body = bodyOf(stored);
    for (const { source, backups } of body?.removed ?? [])
      for (const { key, sha256, number } of backups) removed.push({ source, key, sha256, number });
    if (body && !body.removed) for (const key of stored.report?.backups ?? []) removedBefore.add(key);
  }
  return { removed, removedBefore };
}

function bodyOf({ report }: StoredReport): Body<'prune'> | undefined {
  try {
    return report && parseBody('prune', report);
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return undefined;
  }
}
