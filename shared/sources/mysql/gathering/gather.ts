import { HoldfastError } from '../../../core/errors.ts';
import { plural } from '../../../core/plural.ts';
import { sleep } from '../../../core/sleep.ts';
import { SECOND_MS } from '../../../core/units.ts';
import type { Gathered } from '../../source.ts';
import type { Session } from '../connection/connection.ts';
import { openSession } from '../connection/session-settings.ts';
import { isEachChangeLogged } from '../snapshot/logged.ts';
import {
  binlogPosition,
  type MomentOptions,
  rungsFor,
  type SharedRung,
  whileLocked,
  withGtid,
} from '../snapshot/snapshot.ts';
import { FLAG, type Flags } from './flags.ts';
import { sample } from './sampling.ts';

const LOOK_MS = 4;
/** Before all shares are there, nobody is in a hurry. */
const WAIT_LOOK_MS = 50;
/** How often all shares look for a place of the binary log that they have in common. */
const MOST_ROUNDS = 500;
const SAMPLING_MS = 15 * SECOND_MS;
/** How long tables are locked at most while the shares begin. */
const LOCKED_MS = 5 * SECOND_MS;
/** How long a share that is alive may take for a step that takes milliseconds. */
const STEP_MS = 10 * SECOND_MS;

/** What a gathering knows and does beside the flags. */
export interface GatheringOptions extends MomentOptions {
  readonly flags: Flags;
  /** It has the flag of the holder up. */
  readonly control: Session;
  readonly shares: number;
  /** How long to wait for all shares to be there. */
  readonly waitMs: number;
  /** What differs from the plan, looked at once all have begun; empty if nothing does. */
  readonly changed: () => Promise<readonly string[]>;
}

/** What the manifest says of how the moment was held still. */
const HOW: Readonly<Record<SharedRung, string>> = {
  binlog: 'began at this place of the binary log',
  flush: 'began under FLUSH TABLES WITH READ LOCK',
  lock: 'began under LOCK TABLES … READ',
};

/**
 * Brings the sessions of all shares to one moment, by the first way that works: as `openMoment` does for sessions of one
 * process. Nothing is locked before all shares are there.
 *
 * @returns why it could not be done, if it could not: then one process must read all
 * @throws E_SOURCE_LOST if a share is gone, E_SOURCE_*, E_ABORTED
 */
export async function gather(about: GatheringOptions): Promise<Gathered> {
  const { shares, waitMs, options } = about;
  const isThere = await untilUp(about, each(shares, FLAG.ready), { withinMs: waitMs, lookMs: WAIT_LOOK_MS });
  if (!isThere)
    return { apart: `not all of ${plural(shares, 'share')} were there within ${waitMs / SECOND_MS} s` };
  for (const rung of rungsFor(options.snapshot)) {
    const begun = rung === 'binlog' ? await atOnePlace(about) : await underLock(rung, about);
    if (begun === LATE) return { apart: 'not all processes began while the tables were locked' };
    if (begun !== undefined) return finish(about, `${begun}, read by several processes that ${HOW[rung]}`);
  }
  return { apart: 'neither the binary log nor a lock could bring several processes to one moment' };
}

async function finish(about: GatheringOptions, position: string): Promise<Gathered> {
  const { flags, control, shares, signal, changed } = about;
  const names = await changed();
  if (names.length > 0) return { apart: `tables were altered while the backup began: ${names.join(', ')}` };
  await flags.raise(control, FLAG.done, signal);
  // Those that do not see it in time find nobody here, and fail.
  await untilUp(about, each(shares, FLAG.joined), { withinMs: STEP_MS, lookMs: LOOK_MS });
  return { position };
}

/** Undefined if the server does not say where it is, does not log each change, or the shares never met. */
async function atOnePlace(about: GatheringOptions): Promise<string | undefined> {
  const { control, flags, options, signal } = about;
  if (!(await isEachChangeLogged(control, signal))) return undefined;
  const sessions: Session[] = [];
  try {
    for (let i = 0; i < options.readers; i++) sessions.push(await openSession(options, signal));
    const until = performance.now() + SAMPLING_MS;
    for (let round = 1; round <= MOST_ROUNDS && performance.now() < until; round++) {
      await flags.raise(control, FLAG.sample(round), signal);
      const samples = await sample(sessions, signal);
      if (samples.size === 0) return undefined;
      await allShares(about, (share) => FLAG.sampled(share, round));
      const position = await placeOfAll(about, round, [...samples.keys()]);
      if (position === undefined) continue;
      // Had a replica begun to apply changes meanwhile, the places would say nothing.
      if (!(await isEachChangeLogged(control, signal))) return undefined;
      await flags.raise(control, FLAG.chosen(round, position), signal);
      return await withGtid(control, position, signal);
    }
    return undefined;
  } finally {
    await Promise.all(sessions.map((one) => one.close()));
  }
}

/** A place that each share has a session at. */
async function placeOfAll(
  { control, flags, shares, signal }: GatheringOptions,
  round: number,
  positions: readonly string[],
): Promise<string | undefined> {
  for (const position of positions) {
    const wanted = each(shares, (share) => FLAG.at(share, round, position));
    if ((await flags.look(control, wanted, signal)).every((one) => one !== undefined)) return position;
  }
  return undefined;
}

/** Some shares have begun and others have not: what they see may differ, and no other way can be tried with them. */
const LATE = Symbol('late');

/** Undefined if the lock is not to be had. */
async function underLock(
  rung: 'flush' | 'lock',
  about: GatheringOptions,
): Promise<string | typeof LATE | undefined> {
  const { flags, shares, signal } = about;
  let mayHaveBegun = false;
  const position = await whileLocked(rung, about, async (holder) => {
    mayHaveBegun = true;
    await flags.raise(holder, FLAG.locked, signal);
    const here = await binlogPosition(holder, signal);
    // Asked in the session that has the lock: an answer proves that it still had it when the last share had begun.
    const within = { withinMs: LOCKED_MS, lookMs: LOOK_MS };
    const haveBegun = await untilUp({ flags, control: holder, signal }, each(shares, FLAG.begun), within);
    return haveBegun ? here : undefined;
  });
  return position ?? (mayHaveBegun ? LATE : undefined);
}

/** @throws E_SOURCE_LOST if a share does not do its step */
async function allShares(about: GatheringOptions, flagOf: (share: number) => string): Promise<void> {
  if (await untilUp(about, each(about.shares, flagOf), { withinMs: STEP_MS, lookMs: LOOK_MS })) return;
  throw new HoldfastError('E_SOURCE_LOST', 'a process of this backup stopped while all began', {
    hint: 'Run it again; nothing of this run was listed.',
  });
}

/** Whether all of the flags were up at one look within that time. */
async function untilUp(
  { flags, control, signal }: Pick<GatheringOptions, 'flags' | 'control' | 'signal'>,
  wanted: readonly string[],
  { withinMs, lookMs }: { readonly withinMs: number; readonly lookMs: number },
): Promise<boolean> {
  for (const until = performance.now() + withinMs; ; ) {
    const seen = await flags.look(control, wanted, signal);
    if (seen.every((one) => one !== undefined)) return true;
    if (performance.now() >= until) return false;
    await sleep(lookMs, signal);
  }
}

function each(shares: number, flagOf: (share: number) => string): readonly string[] {
  return Array.from({ length: shares }, (_, share) => flagOf(share));
}
