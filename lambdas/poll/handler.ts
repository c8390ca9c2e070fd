import * as z from 'zod';
import { isHoldfastError } from '../../shared/core/errors.ts';
import { sleep } from '../../shared/core/sleep.ts';
import { SECOND_MS } from '../../shared/core/units.ts';
import { openChanges } from '../../shared/jobs/changes/openers.ts';
import { readPause } from '../../shared/jobs/changes/pause.ts';
import type { PollResult } from '../../shared/jobs/changes/poll.ts';
import { type ContinuousSource, continuousSource } from '../runtime/continuous.ts';
import { examinedChanges } from '../runtime/doctor-changes.ts';
import { backupKeyMember, source } from '../runtime/event-members.ts';
import { defineFunction } from '../runtime/function.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { openPlace } from '../runtime/places.ts';
import { logger, publishMetrics } from '../runtime/telemetry.ts';
import { forgetPoller, type KeptPoller, keptPoller } from './kept-poller.ts';
import { msToNextPoll } from './pace.ts';

/** `backup`: was just made, and is to be proven, so changes are stored up to it, also if there are none. */
const Event = z.strictObject({ source, backup: backupKeyMember.optional() });

/** Kept of the time at the end of an invocation: a step that begins must be able to end. */
const STEP_MS = 60 * SECOND_MS;
/** Somebody else reads: so long until we try again. */
const BUSY_MS = SECOND_MS;

/**
 * What a poll came to. `base`: why a new backup is due now; a rule of the deployment has it made. `backup`: the one that can be proven now;
 * another rule has that done.
 */
interface Polled {
  readonly source: string;
  readonly deployment: string | null;
  /** `waiting`: there is no repository before the first backup. */
  readonly state: 'polled' | 'paused' | 'waiting';
  readonly polls: number;
  readonly segments: number;
  readonly transactions: number;
  readonly storedBytes: number;
  readonly readAt: string | null;
  readonly lag: number | null;
  readonly gaps: readonly string[];
  readonly base?: string;
  readonly backup?: string;
}

/**
 * Stores what changed in one source since the last poll; several times within the minute until the next invocation if the
 * configuration says so. It calls nothing but the database, the store and the key, so it needs no other way out of a VPC.
 */
export const handler = defineFunction(
  Event,
  async ({ source: name, backup }, invocation) => {
    const about = continuousSource(name, invocation.config);
    try {
      const kept = await keptPoller(about, invocation);
      return await pollForAMinute(about, kept, { ...invocation, backup });
    } catch (error) {
      await forgetPoller();
      if (!isHoldfastError(error, 'E_NO_REPOSITORY')) throw error;
      logger.info('there is no repository yet; the first backup makes it');
      return answer(name, 'waiting', new Total());
    }
  },
  { places: examinedChanges },
);

async function pollForAMinute(
  about: ContinuousSource,
  kept: KeptPoller,
  { signal, until, backup }: Invocation & { readonly backup: string | undefined },
): Promise<Polled> {
  const { name, kind, continuous } = about;
  const began = performance.now();
  const hasTime = () => until.getTime() - performance.timeOrigin - performance.now() > STEP_MS;
  const place = await openPlace(about, signal);
  const total = new Total();
  for (;;) {
    if (await readPause(kept.store, { kind, name }, signal)) {
      logger.warn('polling is paused; run: holdfast pitr resume', { source: name });
      total.readAt = await kept.readAt(signal);
      total.lagSeconds = kept.lagSeconds(total.readAt);
      // A pause silences no alarm.
      publishMetrics(name, { ChangeLag: total.lagSeconds });
      return answer(name, 'paused', total);
    }
    await using changes = await openChanges(place.config, place.env);
    const idle = backup === undefined ? {} : { idleMs: 0 };
    total.add(await kept.poll(changes, { hasTime, ...idle, signal }), kept);
    const nextMs =
      backup === undefined
        ? total.next(msToNextPoll(performance.now() - began, continuous.everyMs))
        : total.untilCaughtUp(hasTime());
    if (nextMs === undefined) break;
    await sleep(nextMs, signal);
  }
  publishMetrics(name, { ChangeLag: total.lagSeconds, ChangeGaps: total.gaps.length || undefined });
  for (const gap of total.gaps) logger.error('changes are lost', { source: name, gap });
  for (const warning of total.warnings) logger.warn(warning, { source: name });
  return {
    ...answer(name, 'polled', total),
    ...(backup !== undefined && total.isCaughtUp ? { backup } : {}),
  };
}

function answer(source: string, state: Polled['state'], total: Total): Polled {
  const { polls, segments, transactions, storedBytes, readAt, gaps, base } = total;
  return {
    source,
    deployment: process.env['HOLDFAST_DEPLOYMENT'] ?? null,
    state,
    polls,
    segments,
    transactions,
    storedBytes,
    readAt: readAt ?? null,
    lag: total.lagSeconds ?? null,
    gaps,
    ...(base === undefined ? {} : { base }),
  };
}

/** What the polls of one invocation came to. */
class Total {
  polls = 0;
  segments = 0;
  transactions = 0;
  storedBytes = 0;
  readAt: string | undefined;
  lagSeconds: number | undefined;
  isCaughtUp = true;
  base: string | undefined;
  readonly gaps: string[] = [];
  readonly warnings = new Set<string>();

  /** So long until the next of this minute; undefined if there is nothing to go on with. */
  next(ms: number | undefined): number | undefined {
    return this.base === undefined && this.isCaughtUp ? ms : undefined;
  }

  /** The same until all is stored that was there, if there is time. */
  untilCaughtUp(hasTime: boolean): number | undefined {
    return this.isCaughtUp || !hasTime ? undefined : BUSY_MS;
  }

  add(result: PollResult, kept: KeptPoller): void {
    this.polls++;
    this.segments += result.segments;
    this.transactions += result.transactions;
    this.storedBytes += result.storedBytes;
    this.readAt = result.readAt;
    this.isCaughtUp = result.isCaughtUp;
    this.lagSeconds = kept.lagSeconds(result.readAt);
    this.base ??= kept.takeBase();
    for (const { says } of result.gaps) this.gaps.push(says);
    for (const warning of result.warnings) this.warnings.add(warning);
  }
}
