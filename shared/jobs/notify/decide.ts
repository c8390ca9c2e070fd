import { createHash } from 'node:crypto';
import type { NotifyChannel } from '../../config/notifications.ts';
import { DAY_MS, HOUR_MS } from '../../core/units.ts';
import type { NoticeKind, Said } from '../../format/notice.ts';
import { LEVELS } from '../verdict/rules.ts';
import type { Outlook, OutlookFinding, OutlookSource } from './outlook.ts';

/** The hour of the day, in UTC, at which a digest becomes due: backups of the night are over. */
const DIGEST_HOUR = 6;
const WEEK_MS = 7 * DAY_MS;
/** The Unix epoch was a Thursday; weeks begin on Monday. */
const MONDAY_MS = 4 * DAY_MS;

/** Something that a channel is to be told. */
export interface News {
  readonly kind: Exclude<NoticeKind, 'test'>;
  readonly level: Outlook['level'];
  /** What was not found when the channel was told last. */
  readonly fresh: readonly OutlookFinding[];
  /** What is found now, `fresh` too. */
  readonly findings: readonly OutlookFinding[];
  /** Ids of what was found then, and is not any more. */
  readonly over: readonly string[];
  /** Backups that were over since. Of `run` alone. */
  readonly runs: readonly OutlookSource[];
  /** What is said when it was delivered; null of a digest. */
  readonly said: Said | null;
}

/** What a channel knows, as far as anybody can tell. */
export interface Known {
  /** Undefined: nothing was said, or nobody knows what was. */
  readonly said: Said | undefined;
  readonly digestAt: Date | undefined;
}

type Settings = Pick<NotifyChannel, 'on' | 'digest' | 'sources' | 'remindAfterMs'>;

/** What is of a channel that is told of some sources only: of these, and of the repository as a whole. */
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
 * What a channel is to be told now: at most one thing of what is found, and a digest.
 *
 * If nobody knows what was said last, all that is found is said: an alarm twice is better than none.
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

/** A date that is to come cannot be believed: it would silence what comes before it. */
function isOver(then: string, at: string, ms: number | undefined): boolean {
  return ms !== undefined && Math.abs(new Date(at).getTime() - new Date(then).getTime()) >= ms;
}

function runsSince({ sources }: Outlook, said: Said | undefined): OutlookSource[] {
  return sources.filter(({ name, lastRun }) => lastRun && said?.runs[name] !== lastRun.at);
}

/** Whether a process that found nothing of the kind has looked for it: what was not looked for is not over. */
function isSeen(id: string, { unseen }: Outlook): boolean {
  const [, rule = ''] = id.split('/');
  return !unseen.includes(rule) && !unseen.includes('*');
}

function saidOf(outlook: Outlook, kind: News['kind'], before: Said | undefined): Said {
  const { at, findings, sources } = outlook;
  const unseen = (before?.findings ?? []).filter((id) => !isSeen(id, outlook));
  return {
    // A run that is told of puts no reminder off.
    at: kind === 'run' && before ? before.at : at,
    findings: [...new Set([...findings.map(({ id }) => id), ...unseen])].toSorted(),
    runs: Object.fromEntries(
      sources.flatMap(({ name, lastRun }) => (lastRun ? [[name, lastRun.at] as const] : [])),
    ),
  };
}

/** Whether no digest became due between two moments: daily at 06:00 UTC, weekly at that of Monday. */
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

/** The name of what is to be said, the same in every process that finds it: 32 hex digits. */
export function claimOf(channel: string, { kind, said }: News, { said: before, digestAt }: Known): string {
  const about = { channel, kind, findings: said?.findings, runs: said?.runs, before, digestAt };
  return createHash('sha256').update(JSON.stringify(about)).digest('hex').slice(0, 32);
}
