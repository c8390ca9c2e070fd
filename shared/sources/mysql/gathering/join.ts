import { HoldfastError } from '../../../core/errors.ts';
import { sleep } from '../../../core/sleep.ts';
import type { Session } from '../connection/connection.ts';
import type { MysqlOptions } from '../connection/options.ts';
import { openSession } from '../connection/session-settings.ts';
import { START } from '../snapshot/snapshot.ts';
import { FLAG, Flags, type GatheringPlace } from './flags.ts';
import { sample } from './sampling.ts';

/** Between two looks at the flags: what writers wait for while tables are locked. */
const LOOK_MS = 4;

/**
 * Opens this process's sessions, and begins them at the moment that the holder chooses for all processes. Each step is one
 * that the holder said positively: had it died in between, its flags would be down, and nothing be joined.
 *
 * @throws E_SOURCE_LOST if the holder has gone, gave the gathering up, or is on another server; E_SOURCE_*, E_ABORTED
 */
export async function joinMoment(
  options: MysqlOptions,
  {
    place,
    share,
    signal,
  }: { readonly place: GatheringPlace; readonly share: number; readonly signal: AbortSignal },
): Promise<readonly Session[]> {
  const sessions: Session[] = [];
  try {
    const control = await openSession(options, signal);
    sessions.push(control);
    const seat = new Seat(control, { place, share, signal });
    await seat.see([]);
    for (let i = 0; i < options.readers; i++) sessions.push(await openSession(options, signal));
    const joined = await seat.join(sessions.slice(1));
    await Promise.all(sessions.filter((one) => !joined.includes(one)).map((one) => one.close()));
    for (const session of joined) await session.query('SAVEPOINT reading', signal);
    return joined;
  } catch (error) {
    await Promise.all(sessions.map((one) => one.close()));
    throw error;
  }
}

interface SeatOptions {
  readonly place: GatheringPlace;
  readonly share: number;
  readonly signal: AbortSignal;
}

/** One process of a gathering. */
class Seat {
  readonly #control: Session;
  readonly #flags: Flags;
  readonly #options: SeatOptions;

  constructor(control: Session, options: SeatOptions) {
    this.#control = control;
    this.#options = options;
    this.#flags = new Flags(options.place.gathering);
  }

  /** Whether each of the flags is up. @throws E_SOURCE_LOST if the holder's is down */
  async see(flags: readonly string[]): Promise<readonly boolean[]> {
    const { place, signal } = this.#options;
    const [holder, ...others] = await this.#flags.look(this.#control, [FLAG.holder, ...flags], signal);
    if (holder === place.holder) return others.map((one) => one !== undefined);
    throw new HoldfastError(
      'E_SOURCE_LOST',
      holder === undefined
        ? 'the process that brings all shares to one moment is not there any more, or is connected to another server'
        : 'the process that brings all shares to one moment has another connection now',
      {
        hint: 'Run it again. All processes of a backup must reach the same server: name one server, not an endpoint of several.',
      },
    );
  }

  async join(sessions: readonly Session[]): Promise<readonly Session[]> {
    const { share, signal } = this.#options;
    await this.#raise(FLAG.ready(share));
    for (let round = 1; ; ) {
      const [isSampling, isLocked] = await this.see([FLAG.sample(round), FLAG.locked]);
      if (isSampling) {
        const chosen = await this.#sample(sessions, round++);
        if (chosen) return this.#finish(chosen);
      } else if (isLocked) {
        await Promise.all(sessions.map((session) => session.query(START, signal)));
        await this.#raise(FLAG.begun(share));
        return this.#finish(sessions);
      } else await sleep(LOOK_MS, signal);
    }
  }

  /** Undefined if the shares had no place in common. */
  async #sample(sessions: readonly Session[], round: number): Promise<readonly Session[] | undefined> {
    const { share, signal } = this.#options;
    const samples = [...(await sample(sessions, signal))];
    for (const [position] of samples) await this.#raise(FLAG.at(share, round, position));
    await this.#raise(FLAG.sampled(share, round));
    const chosen = samples.map(([position]) => FLAG.chosen(round, position));
    for (;;) {
      const [isNext, isLocked, ...isChosen] = await this.see([
        FLAG.sample(round + 1),
        FLAG.locked,
        ...chosen,
      ]);
      const found = samples[isChosen.indexOf(true)];
      if (found) return found[1];
      if (isNext || isLocked) return undefined;
      await sleep(LOOK_MS, signal);
    }
  }

  /** Waits until all have begun. */
  async #finish(sessions: readonly Session[]): Promise<readonly Session[]> {
    const { share, signal } = this.#options;
    for (;;) {
      const [isDone] = await this.see([FLAG.done]);
      if (isDone) break;
      await sleep(LOOK_MS, signal);
    }
    const [first] = sessions;
    // By a session that stays: the holder looks for it a little later.
    if (first) await this.#flags.raise(first, FLAG.joined(share), signal);
    return sessions;
  }

  #raise(flag: string): Promise<void> {
    return this.#flags.raise(this.#control, flag, this.#options.signal);
  }
}
