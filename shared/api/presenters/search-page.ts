import { backupName } from '../../core/backup-words.ts';
import type { BackupSummary } from '../../jobs/status/list.ts';
import { keyStamp } from '../../jobs/status/newest-first.ts';
import { backupSearch } from '../schema/backup-search.ts';
import type { ListAnswer, ListQuery } from '../schema/backups.ts';
import { decodeCursor, encodeCursor } from './cursor.ts';
import { backupJson, boundsOf } from './json.ts';

/** Whether manifests and reports decide on the page, not just names. */
export function isSearch({ source, q, state }: ListQuery): boolean {
  return source !== undefined || q !== undefined || state !== undefined;
}

/** A page of search results. @param backups newest first */
export function searchPage(backups: readonly BackupSummary[], query: ListQuery): ListAnswer {
  const { type, source, limit } = query;
  const after = decodeCursor(query.cursor);
  const { from = '', to = '~' } = boundsOf(query);
  const isFound = backupSearch(query);
  const found = backups.filter((backup) => {
    const stamp = keyStamp(backup.startedAt);
    if (stamp < from || stamp >= to) return false;
    if (after && (stamp > after.stamp || (stamp === after.stamp && backup.key >= after.key))) return false;
    if ((type ?? backup.type) !== backup.type || (source ?? backup.source.name) !== backup.source.name)
      return false;
    return isFound({ ...backup, name: backupName(backup.key), note: backup.note ?? null });
  });
  const page = found.slice(0, limit);
  const last = found.length > limit ? page.at(-1) : undefined;
  return {
    backups: page.map(backupJson),
    nextCursor: last ? encodeCursor({ stamp: keyStamp(last.startedAt), key: last.key }) : null,
  };
}
