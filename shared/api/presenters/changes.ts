import type { NamedSource } from '../../config/named-source.ts';
import { span } from '../../core/human.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Timeline } from '../../jobs/changes/timeline.ts';
import type { ChangesFacts } from '../../jobs/verdict/facts.ts';
import type { ChangesAnswer, RecoveryPoint } from '../schema/changes.ts';

/** Entries of each list: a month of hours, and more gaps than anybody looks at. */
const MOST = { hours: 31 * 24, restorable: 100, bases: 200, gaps: 100 };

/** What else is known of a stream. */
export interface AboutStream {
  readonly source: Pick<NamedSource, 'kind' | 'name'>;
  readonly settings: NonNullable<NamedSource['continuous']>;
  readonly facts: ChangesFacts;
  readonly held: ChangesAnswer['held'];
  readonly now: Date;
}

/** How far stored changes reach against what was agreed. Met only if it was looked at, and nothing speaks against it. */
export function recoveryPointOf(facts: ChangesFacts, now: Date): RecoveryPoint {
  const { reachedAt, allowedMs } = facts;
  const lagMs = reachedAt === undefined ? undefined : Math.max(0, now.getTime() - reachedAt.getTime());
  const why = whyNotMet(facts, lagMs);
  return {
    agreedSeconds: Math.round(allowedMs / SECOND_MS),
    lagSeconds: lagMs === undefined ? null : Math.floor(lagMs / SECOND_MS),
    isMet: why === undefined,
    sentence:
      why ??
      `All that was committed up to ${lagText(lagMs)} ago is stored; at most ${span(allowedMs)} are agreed.`,
  };
}

function whyNotMet(
  { allowedMs, problem, damage, baseDue, isPaused }: ChangesFacts,
  lagMs: number | undefined,
): string | undefined {
  if (problem !== undefined) return `It is not known how the changes are stored: ${problem}.`;
  if (damage !== undefined) return `The newest changes cannot be trusted: ${damage}.`;
  if (isPaused) return 'It is paused: nobody polls it until somebody resumes it.';
  if (lagMs === undefined) return 'No changes were ever stored.';
  if (lagMs > allowedMs)
    return `Changes are stored up to ${lagText(lagMs)} ago; at most ${span(allowedMs)} are agreed.`;
  return baseDue === undefined ? undefined : `The newest changes cannot be restored: ${baseDue}.`;
}

/** In seconds below two minutes. */
function lagText(ms = 0): string {
  const seconds = Math.floor(ms / SECOND_MS);
  return seconds < 120 ? `${seconds} ${seconds === 1 ? 'second' : 'seconds'}` : span(ms);
}

/** A timeline as the route answers it. */
export function presentChanges(timeline: Timeline, about: AboutStream): ChangesAnswer {
  const { source, settings, facts, held, now } = about;
  const { hours, bases, ranges, breaks } = timeline;
  return {
    now: now.toISOString(),
    source: { kind: source.kind, name: source.name },
    everySeconds: Math.round(settings.everyMs / SECOND_MS),
    keepSeconds: Math.round(settings.keepMs / SECOND_MS),
    recoveryPoint: recoveryPointOf(facts, now),
    isPaused: facts.isPaused,
    readAt: timeline.readAt ?? null,
    segments: timeline.segments,
    storedBytes: timeline.storedBytes,
    restorable: ranges.slice(0, MOST.restorable).map(({ from, to, base }) => ({ from, to, base })),
    bases: bases.slice(0, MOST.bases).map(({ key, startedAt }) => ({ key, at: startedAt })),
    hours: hours
      .slice(0, MOST.hours)
      .map(({ at, segments, storedBytes }) => ({ hour: at.toISOString(), segments, storedBytes })),
    gaps: breaks.slice(0, MOST.gaps).map(({ after, before, why, says, healedBy }) => ({
      from: after ?? null,
      to: before,
      why,
      says,
      healedBy: healedBy ?? null,
    })),
    left: {
      restorable: Math.max(0, ranges.length - MOST.restorable),
      bases: Math.max(0, bases.length - MOST.bases),
      hours: Math.max(0, hours.length - MOST.hours),
      gaps: Math.max(0, breaks.length - MOST.gaps),
    },
    baseDue: timeline.baseDue ?? null,
    held,
    warnings: [...timeline.warnings],
  };
}
