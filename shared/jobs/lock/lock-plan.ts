import { type LockSettings, OPEN_LOCK_DAYS } from '../../config/lock.ts';
import { daysOf, type RetentionPolicy } from '../../config/retention.ts';
import { DAY_MS } from '../../core/units.ts';
import { planRetention, type RetentionBackup, type RetentionDecision } from '../retention/retention.ts';

/** One backup, and what it needs. */
export interface LockedBackup {
  readonly retention: RetentionBackup;
  /** Paths of its packs, of the reports that prune goes by, and of its keys wrapped to recovery keys. */
  readonly needs: Iterable<string>;
}

/** All that locks are planned from. */
export interface LockInventory {
  readonly now: Date;
  readonly backups: readonly LockedBackup[];
  /** What every backup needs: `repository.json`, objects below `keys/`. */
  readonly common: readonly string[];
}

/** How to lock one object. */
export interface LockNeed {
  readonly key: string;
  /** Nobody may remove it before this. */
  readonly until: Date;
  /**
   * Until when to lock it if the present lock ends too early: later than necessary, so that not every run has
   * to extend it.
   */
  readonly lockUntil: Date;
  /** It is held: it needs a legal hold. */
  readonly isHeld: boolean;
}

const OPEN_MS = OPEN_LOCK_DAYS * DAY_MS;
/** A lock that moves on is extended by this share of its remaining time, */
const SLACK_SHARE = 1 / 10;
/** within these bounds. */
const LEAST_SLACK_MS = DAY_MS;
/** Longest time that a lock may reach past its need. */
export const MOST_SLACK_MS = 7 * DAY_MS;

/**
 * Until when each object must stay: until the longest retention of the backups that need it is over. Pure.
 * Excludes what retention lets go.
 *
 * Manifests are taken at their word, forged or not: so no need ends later than the configured maximum from
 * now.
 */
export function planLocks(
  { now, backups, common }: LockInventory,
  rules: { readonly policy: RetentionPolicy; readonly lock: LockSettings },
): readonly LockNeed[] {
  const needs = new Map<string, LockNeed>();
  const byKey = new Map(backups.map((backup) => [backup.retention.key, backup]));
  const decisions = planRetention(
    backups.map(({ retention }) => retention),
    rules.policy,
    now,
  );
  for (const decision of decisions) {
    const end = endOf(decision, now, rules);
    const backup = byKey.get(decision.key);
    if (!end || !backup) continue;
    const isHeld = backup.retention.hold !== undefined;
    const shared = { until: end.until, lockUntil: withSlack(end.until, now), isHeld };
    for (const key of common) note(needs, key, shared);
    for (const key of backup.needs) note(needs, key, shared);
    note(needs, decision.key, end.isFixed ? { ...shared, lockUntil: end.until } : shared);
  }
  return [...needs.values()];
}

/** Undefined if retention lets the backup go. `isFixed`: the same each time. */
function endOf(
  { keep, reasons, type, startedAt }: RetentionDecision,
  now: Date,
  { policy, lock }: { readonly policy: RetentionPolicy; readonly lock: LockSettings },
): { readonly until: Date; readonly isFixed: boolean } | undefined {
  if (!keep) return undefined;
  const daysMs = (daysOf(policy, type) ?? 0) * DAY_MS;
  const ofDays = startedAt.getTime() + daysMs;
  const open = now.getTime() + (daysMs > 0 ? Math.min(OPEN_MS, daysMs / 2) : OPEN_MS);
  // Any reason other than days has no known end.
  const isOpen = reasons.length > 1 || ofDays <= now.getTime();
  const wanted = isOpen ? Math.max(ofDays, open) : ofDays;
  const until = Math.min(wanted, now.getTime() + lock.mostMs);
  return { until: wholeSecond(until), isFixed: until === ofDays };
}

function withSlack(until: Date, now: Date): Date {
  const leftMs = until.getTime() - now.getTime();
  const slackMs = Math.min(MOST_SLACK_MS, Math.max(LEAST_SLACK_MS, leftMs * SLACK_SHARE));
  return wholeSecond(until.getTime() + slackMs);
}

/** Stores keep whole seconds. */
function wholeSecond(ms: number): Date {
  return new Date(Math.ceil(ms / 1000) * 1000);
}

/** There may be a million of these: most are known already. */
function note(needs: Map<string, LockNeed>, key: string, need: Omit<LockNeed, 'key'>): void {
  const known = needs.get(key);
  const isLonger = !known || known.until < need.until;
  if (!isLonger && (known.isHeld || !need.isHeld)) return;
  const isHeld = need.isHeld || known?.isHeld === true;
  needs.set(key, { key, ...(isLonger ? need : known), isHeld });
}
