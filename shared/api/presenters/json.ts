import type * as z from 'zod';
import { backupName } from '../../core/backup-words.ts';
import { DAY_MS } from '../../core/units.ts';
import type { BackupSummary } from '../../jobs/status/list.ts';
import { keyStamp } from '../../jobs/status/newest-first.ts';
import type { ApiBackup } from '../schema/backups.ts';
import type { Marks } from '../schema/values.ts';

/** A place in a listing as text; opaque to those who pass it on. */
export function backupJson({
  marks,
  startedAt,
  finishedAt,
  note,
  imported,
  problem,
  ...backup
}: BackupSummary): ApiBackup {
  return {
    ...backup,
    name: backupName(backup.key),
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt.toISOString(),
    note: note ?? null,
    ...(imported && { imported }),
    problem: problem ?? null,
    suspect: [...backup.suspect],
    marks: marksJson(marks),
  };
}

/** A backup as routes answer it. */
export function marksJson({
  hold,
  accept,
  verify,
  fullVerify,
  drill,
}: BackupSummary['marks']): z.infer<typeof Marks> {
  return {
    ...(hold && { hold: dated(hold) }),
    ...(accept && { accept: dated(accept) }),
    ...(verify && { verify: dated(verify) }),
    ...(fullVerify && { fullVerify: dated(fullVerify) }),
    ...(drill && { drill: dated(drill) }),
  };
}

/** What was done with a backup, as routes answer it. */
export function dated<T extends { readonly at: Date }>(mark: T): Omit<T, 'at'> & { readonly at: string } {
  return { ...mark, at: mark.at.toISOString() };
}

/** Bounds of a list, from an ISO date or time each: `to` as a date includes the whole day. */
export function boundsOf({
  from,
  to,
}: {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}) {
  const end = to === undefined ? undefined : new Date(to).getTime() + (to.length === 10 ? DAY_MS : 0);
  return {
    from: from === undefined ? undefined : keyStamp(new Date(from)),
    to: end === undefined ? undefined : keyStamp(new Date(end)),
  };
}
