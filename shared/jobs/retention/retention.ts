import { type CountName, daysOf, type RetentionPolicy } from '../../config/retention.ts';
import type { BackupKey } from '../../core/ids.ts';
import { DAY_MS, HOUR_MS } from '../../core/units.ts';
import { judgeDate } from '../../repository/documents/claimed-date.ts';
import { newestOfPeriods, PERIODS } from './retention-periods.ts';

/** How far the clock of a backup's maker may be ahead; a later date does not count as new. */
const MOST_AHEAD_MS = HOUR_MS;

/** What retention goes by, for one listed backup. */
export interface RetentionBackup {
  readonly key: BackupKey;
  readonly type: string;
  /** Undefined if its manifest cannot be read. */
  readonly source: { readonly kind: string; readonly name: string } | undefined;
  readonly startedAt: Date;
  /** By the store's clock; undefined if it was not asked. */
  readonly storedAt?: Date | undefined;
  /** Why its manifest cannot be trusted: damaged, forged, from a newer release. */
  readonly problem: string | undefined;
  /** It is suspect, and nobody has accepted it. */
  readonly isSuspect: boolean;
  /** Its last verification found damage. */
  readonly isDamaged: boolean;
  /** It was listed so long after its last pack that its run withdraws it, if it still can. */
  readonly isListedLate?: boolean;
  /** An unreadable report of a verification that may have found it damaged. */
  readonly unreadVerify?: string | undefined;
  /** It was made from a file, and has the file's date. */
  readonly isImported: boolean;
  /** Why it is held. */
  readonly hold: string | undefined;
  /** Why somebody put it aside, as it cannot be trusted. */
  readonly putAside?: string | undefined;
}

/** What happens to one backup, and why. */
export interface RetentionDecision {
  readonly key: BackupKey;
  readonly type: string;
  readonly source: RetentionBackup['source'];
  readonly startedAt: Date;
  readonly keep: boolean;
  /** All reasons why it stays; or the one why it goes. */
  readonly reasons: readonly string[];
}

/**
 * Which backups stay and which go, each with its reasons: newest first, otherwise in the given order. Pure.
 *
 * Whatever the policy: untrusted ones stay until they are put aside, and do not count; the newest good backup
 * of each source stays; one suspect backup keeps all of its source; possibly damaged ones stay and do not
 * count. Only good ones (not suspect, not damaged, not dated an hour after `now` or later, or long after they
 * were stored) fulfil a count, and no imported ones: those never replace a backup of the source. A backup
 * stored long after its date may be kept by a count as well, but displaces no other.
 */
export function planRetention(
  backups: readonly RetentionBackup[],
  policy: RetentionPolicy,
  now: Date,
): readonly RetentionDecision[] {
  const sorted = backups.toSorted(
    (a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.key < b.key ? 1 : -1),
  );
  const bySource = Map.groupBy(
    sorted.filter(({ putAside }) => putAside === undefined),
    sourceName,
  );
  const reasons = new Map<RetentionBackup, string[]>(sorted.map((backup) => [backup, []]));
  for (const ofSource of bySource.values())
    for (const [backup, reason] of reasonsOf(ofSource, policy, now)) reasons.get(backup)?.push(reason);
  return sorted.map((backup) => {
    const { key, type, source, startedAt } = backup;
    const stays = reasons.get(backup) ?? [];
    const keep = stays.length > 0;
    return { key, type, source, startedAt, keep, reasons: keep ? stays : [whyItGoes(backup, policy)] };
  });
}

type Reason = readonly [RetentionBackup, string];

/** @param backups of one source, newest first */
function* reasonsOf(
  backups: readonly RetentionBackup[],
  policy: RetentionPolicy,
  now: Date,
): Generator<Reason> {
  yield* own(backups, policy, now);
  const reliable = backups.filter(({ problem }) => problem === undefined);
  const latest = now.getTime() + MOST_AHEAD_MS;
  const good = reliable.filter(
    ({ isSuspect, isDamaged, isListedLate, unreadVerify, startedAt, storedAt }) =>
      !isSuspect &&
      !isDamaged &&
      !isListedLate &&
      unreadVerify === undefined &&
      startedAt.getTime() < latest &&
      judgeDate(startedAt, storedAt) !== 'ahead',
  );
  const read = good.filter(({ isImported }) => !isImported);
  yield* counted(read, policy);
  yield* lastGood(reliable, read[0] ?? good[0]);
  const suspect = reliable.find(({ isSuspect }) => isSuspect);
  if (suspect)
    for (const backup of reliable) yield [backup, `frozen: suspect ${shortKey(suspect.key)} until accepted`];
}

/** Reasons that concern the backup itself. */
function* own(backups: readonly RetentionBackup[], policy: RetentionPolicy, now: Date): Generator<Reason> {
  for (const backup of backups) {
    const { problem, hold, unreadVerify, startedAt, storedAt, type } = backup;
    if (problem !== undefined) yield [backup, `not trusted: ${problem}`];
    if (hold !== undefined) yield [backup, `held: ${hold}`];
    if (unreadVerify !== undefined) yield [backup, `perhaps damaged: ${unreadVerify} cannot be read`];
    const ageMs = now.getTime() - startedAt.getTime();
    const days = daysOf(policy, type);
    if (ageMs < 0 || judgeDate(startedAt, storedAt) === 'ahead') yield [backup, 'dated in the future'];
    else if (days === undefined) yield [backup, `no retention is set for type ${type}`];
    else if (days > 0 && ageMs <= days * DAY_MS) yield [backup, `within ${days} days`];
  }
}

/**
 * Counts once those that were stored when they say, then all: a backdated one fills gaps, and displaces
 * nothing.
 *
 * @param good newest first
 */
function* counted(good: readonly RetentionBackup[], { counts }: RetentionPolicy): Generator<Reason> {
  const confirmed = good.filter(({ startedAt, storedAt }) => judgeDate(startedAt, storedAt) === 'confirmed');
  const late = good.filter((backup) => !confirmed.includes(backup));
  const all = [...confirmed, ...late.toSorted((a, b) => timeOf(a.storedAt) - timeOf(b.storedAt))];
  const last = counts.last ?? 0;
  for (const backup of all.slice(0, last)) yield [backup, `last ${last}`];
  for (const name of Object.keys(PERIODS) as Exclude<CountName, 'last'>[]) {
    const most = counts[name] ?? 0;
    const found = new Map<RetentionBackup, string>();
    for (const preferred of [confirmed, all])
      for (const { item, period } of newestOfPeriods(preferred, PERIODS[name], most)) found.set(item, period);
    for (const [backup, period] of found) yield [backup, `${name} for ${period}`];
  }
}

function timeOf(at: Date | undefined): number {
  return at?.getTime() ?? 0;
}

/** The newest good backup, and everything newer: nothing else covers what happened since. */
function* lastGood(
  reliable: readonly RetentionBackup[],
  newest: RetentionBackup | undefined,
): Generator<Reason> {
  const name = reliable[0]?.source?.name ?? '';
  if (newest) yield [newest, `last good backup of ${name}`];
  const newer = newest ? reliable.slice(0, reliable.indexOf(newest)) : reliable;
  for (const backup of newer) yield [backup, `no newer good backup of ${name}`];
}

function whyItGoes(
  { type, isDamaged, isImported, putAside }: RetentionBackup,
  policy: RetentionPolicy,
): string {
  if (putAside !== undefined) return `put aside: ${putAside}`;
  const days = daysOf(policy, type) ?? 0;
  const damaged = isDamaged ? ', and damaged' : '';
  const imported = isImported ? ', by the date of the file that it was imported from' : '';
  return days > 0 ? `older than ${days} days${imported}${damaged}` : `none of the counts keeps it${damaged}`;
}

function sourceName({ source }: RetentionBackup): string {
  return source ? JSON.stringify([source.kind, source.name]) : '';
}

/** `backup_daily_20260301_020000`. */
function shortKey(key: BackupKey): string {
  return key.slice(key.lastIndexOf('/') + 1, -'.json'.length);
}
