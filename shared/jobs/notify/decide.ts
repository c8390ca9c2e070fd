import { createHash } from 'node:crypto';
import type { NotifyChannel } from '../../config/notifications.ts';
import { DAY_MS, HOUR_MS } from '../../core/units.ts';
import type { NoticeKind, Said } from '../../format/notice.ts';
import { LEVELS } from '../verdict/rules.ts';
import type { Outlook, OutlookFinding, OutlookSource } from './outlook.ts';

/** The hour of the day, in UTC, when a digest becomes due: the night's backups are over. */
const DIGEST_HOUR = 6;
const WEEK_MS = 7 * DAY_MS;
/** The Unix epoch was a Thursday; weeks begin on Monday. */
const MONDAY_MS = 4 * DAY_MS;

/** Something to report to a channel. */
export interface News {
  readonly kind: Exclude<NoticeKind, 'test'>;
  readonly level: Outlook['level'];
  /** Findings that are new since the channel's last report. */
  readonly fresh: readonly OutlookFinding[];
  /** All present findings, including `fresh`. */
  readonly findings: readonly OutlookFinding[];
  /** Ids of earlier findings that no longer apply. */
  readonly over: readonly string[];
  /** Backups that ended since then. Only for `run`. */
  readonly runs: readonly OutlookSource[];
  /** What counts as reported after delivery; null for a digest. */
  readonly said: Said | null;
}

/** What a channel knows, as far as that can be told. */
export interface Known {
  /** Undefined: nothing was reported, or that is not known. */
  readonly said: Said | undefined;
  readonly digestAt: Date | undefined;
}

type Settings = Pick<NotifyChannel, 'on' | 'digest' | 'sources' | 'remindAfterMs'>;

/** The part for a channel with some sources only: about these, and about the repository as a whole. */
export function seenBy(outlook: Outlook, { sources }: Pick<Settings, 'sources'>): Outlook {
  if (!sources) return outlook;
  const isOf = (source: string | null) => source === null || sources.includes(source);
  const findings = outlook.findings.filter(({ source }) => isOf(source));
  return {
    ...outlook,
    level: worstOf(findings),
    findings,
    sources: outlook.sources.filter(({ name }) => isOf(name)),
    steps: outlook.steps.filter(({ source }) => isOf(source)),
  };
}

/**
 * What to report to a channel now: at most one message about findings, and a digest.
 *
 * If it is not known what was reported last, all findings are reported: an alarm twice is better than none.
 */
export function decide(outlook: Outlook, { said, digestAt }: Known, settings: Settings): readonly News[] {
  const { findings, sources, level } = outlook;
  const news = { level, findings, fresh: [], over: [], runs: [] };
  const changed = changeOf(outlook, said, settings);
  const now = new Date(outlook.at);
  const isDigestDue = settings.digest !== 'off' && !isSamePeriod(digestAt, now, settings.digest);
  return [
    ...(changed ? [{ ...news, ...changed, said: saidOf(outlook, changed.kind, said) }] : []),
    ...(isDigestDue && sources.length > 0 ? [{ ...news, kind: 'digest' as const, said: null }] : []),
  ];
}

type Change = Pick<News, 'kind'> & Partial<Pick<News, 'fresh' | 'over' | 'runs'>>;

function changeOf(outlook: Outlook, said: Said | undefined, settings: Settings): Change | undefined {
  const { findings, at } = outlook;
  const before = new Set(said?.findings);
  const fresh = findings.filter(({ id }) => !before.has(id));
  const over = [...before].filter(
    (id) => !findings.some((finding) => finding.id === id) && isSeen(id, outlook),
  );
  if (fresh.length > 0) return { kind: 'alarm', fresh, over };
  if (over.length > 0) return { kind: findings.length === 0 ? 'recovered' : 'improved', over };
  if (findings.length > 0 && said && isOver(said.at, at, settings.remindAfterMs)) return { kind: 'reminder' };
  const runs = runsSince(outlook, said);
  return settings.on === 'all' && runs.length > 0 ? { kind: 'run', runs } : undefined;
}

/** A date in the future cannot be trusted: it would silence everything before it. */
function isOver(then: string, at: string, ms: number | undefined): boolean {
  return ms !== undefined && Math.abs(new Date(at).getTime() - new Date(then).getTime()) >= ms;
}

function runsSince({ sources }: Outlook, said: Said | undefined): OutlookSource[] {
  return sources.filter(({ name, lastRun }) => lastRun && said?.runs[name] !== lastRun.at);
}

/** Whether a process that did not find something has looked for it: otherwise it is not over. */
function isSeen(id: string, { unseen }: Outlook): boolean {
  const [, rule = ''] = id.split('/');
  return !unseen.includes(rule) && !unseen.includes('*');
}

function saidOf(outlook: Outlook, kind: News['kind'], before: Said | undefined): Said {
  const { at, findings, sources } = outlook;
  const unseen = (before?.findings ?? []).filter((id) => !isSeen(id, outlook));
  return {
    // Reporting a run does not delay a reminder.
    at: kind === 'run' && before ? before.at : at,
    findings: [...new Set([...findings.map(({ id }) => id), ...unseen])].toSorted(),
    runs: Object.fromEntries(
      sources.flatMap(({ name, lastRun }) => (lastRun ? [[name, lastRun.at] as const] : [])),
    ),
  };
}

/** Whether no digest became due between two moments: daily at 06:00 UTC, weekly on Mondays at that hour. */
function isSamePeriod(then: Date | undefined, now: Date, digest: 'daily' | 'weekly'): boolean {
  return then !== undefined && periodOf(then, digest) === periodOf(now, digest);
}

function periodOf(at: Date, digest: 'daily' | 'weekly'): number {
  const ms = at.getTime() - DIGEST_HOUR * HOUR_MS;
  return digest === 'daily' ? Math.floor(ms / DAY_MS) : Math.floor((ms - MONDAY_MS) / WEEK_MS);
}

function worstOf(findings: readonly OutlookFinding[]): Outlook['level'] {
  return LEVELS[Math.max(0, ...findings.map(({ level }) => LEVELS.indexOf(level)))] ?? 'unknown';
}

/** The name of a report, the same in every process that would send it: 32 hex digits. */
export function claimOf(channel: string, { kind, said }: News, { said: before, digestAt }: Known): string {
  const about = { channel, kind, findings: said?.findings, runs: said?.runs, before, digestAt };
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 32);
}
