import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupDetailAnswer } from '../schema/backups.ts';

type Entry = BackupDetailAnswer['history'][number];

const KINDS = ['hold', 'release', 'accept', 'verify', 'drill', 'repair', 'audit'] as const;

/** What reports say about a backup, newest first. Reports with problems do not count. */
export async function readHistory(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for await (const { report, storedAt } of repository.reports.readAll(
    KINDS,
    signal,
    parseBackupKey(key)?.startedAt,
  )) {
    if (!report?.backups.includes(key)) continue;
    entries.push({
      at: storedAt.toISOString(),
      kind: report.kind as Entry['kind'],
      report: report.key,
      ...figures(report.body, key),
    });
  }
  return entries.sort((a, b) => b.at.localeCompare(a.at));
}

/** The members of a report's body that a history shows. */
function figures(body: Readonly<Record<string, unknown>>, key: BackupKey): Partial<Entry> {
  const { damaged, depth } = body;
  const texts = ['reason', 'outcome', 'action', 'by'] as const;
  return {
    ...Object.fromEntries(
      texts.flatMap((name) => (typeof body[name] === 'string' ? [[name, body[name]]] : [])),
    ),
    ...(typeof body['restoreMs'] === 'number' ? { restoreMs: body['restoreMs'] } : {}),
    ...(Array.isArray(damaged) ? { isWhole: !damaged.includes(key) } : {}),
    ...(isDepth(depth) ? { depth } : {}),
  };
}

function isDepth(depth: unknown): depth is NonNullable<Entry['depth']> {
  return typeof depth === 'object' && depth !== null && 'kind' in depth;
}
