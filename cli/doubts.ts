import { backupName, isWaiting } from '../shared/core/backup-words.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { isGood, summariseEntry } from '../shared/jobs/status/list.ts';
import { time } from './format.ts';
import type { CommandSession } from './session.ts';

/** Reasons not to rely on a backup, one sentence each. Unreadable parts are left to the job. */
export async function doubtsOf(
  { repository, io }: CommandSession,
  key: BackupKey,
): Promise<readonly string[]> {
  const entry = await repository.inspectIfListed(key, io.signal);
  if (!entry) return [];
  const marks = await repository.marks(io.signal);
  const summary = summariseEntry(entry, marks.of(key));
  if (isGood(summary)) return [];
  const name = backupName(key);
  return [
    ...(isWaiting(summary)
      ? [
          `${name} is SUSPECT: much that an earlier backup had is missing or changed; see holdfast show ${name}`,
        ]
      : []),
    ...(summary.isMisdated
      ? [
          `${name} claims to be from ${time(summary.startedAt)}, but was stored long before: its date is wrong`,
        ]
      : []),
    ...(summary.marks.verify?.isWhole === false
      ? [`the newest verification of ${name} found damage; see holdfast show ${name}`]
      : []),
  ];
}

/** @param doubts at least one */
export function warnOfDoubts(doubts: readonly string[]): string {
  const advice = 'To restore the newest backup that nothing speaks against: holdfast restore good';
  return [...doubts.map((doubt) => `warning: ${doubt}`), advice].join('\n');
}
