import type { BackupKey } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Body } from '../../format/report-bodies.ts';
import type { Repository } from '../../repository/repository.ts';

/** What is written down of something that somebody did. */
export interface AuditRecord extends Body<'audit'> {
  readonly backups: readonly BackupKey[];
  /** The part that only the key opens, such as names of datasets. */
  readonly details?: JsonObject | undefined;
}

/**
 * Records that somebody asked for something. What must not happen unseen is recorded before it begins.
 *
 * @returns the report's path
 * @throws E_NO_KEY, E_STORE_*: then it must not begin
 */
export function writeAudit(
  repository: Repository,
  { backups, details, ...body }: AuditRecord,
  signal: AbortSignal,
): Promise<string> {
  const given: JsonObject = JSON.parse(JSON.stringify(body));
  return repository.reports.write('audit', { backups, body: given, details }, signal);
}
