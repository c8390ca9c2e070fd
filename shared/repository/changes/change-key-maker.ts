import { randomBytes } from 'node:crypto';
import { Stopwatch } from '../../core/clock.ts';
import { DAY_MS } from '../../core/units.ts';
import type { ChangeRunKey } from '../../format/change-head.ts';
import type { RepositoryContext } from '../context.ts';
import type { MadeKey } from '../keys/key-ring.ts';
import { wrapForRecovery } from '../keys/recovery-wraps.ts';

/** So long the same keys seal segments: a key service is asked once a day, not every minute. */
const MOST_KEY_MS = DAY_MS;

/** The two keys that seal a segment. */
export interface ChangeKeys {
  /** As segments carry them. */
  readonly entries: readonly ChangeRunKey[];
  readonly headKey: Uint8Array;
  readonly data: MadeKey;
}

/** Makes the keys of change segments of one source, which one process uses for a day. */
export class ChangeKeyMaker {
  readonly #context: RepositoryContext;
  readonly #source: string;
  #made: { readonly keys: ChangeKeys; readonly age: Stopwatch } | undefined;

  /** @param source its name */
  constructor(context: RepositoryContext, source: string) {
    this.#context = context;
    this.#source = source;
  }

  /** @param onWarning learns why recovery keys do not open what is sealed with these. @throws E_NO_KEY, E_KEY_* */
  async get(signal: AbortSignal, onWarning: (message: string) => void): Promise<ChangeKeys> {
    if (this.#made && this.#made.age.elapsedMs() < MOST_KEY_MS) return this.#made.keys;
    const age = new Stopwatch(this.#context.clock);
    const run = randomBytes(16).toString('hex');
    const { keys } = this.#context;
    const [head, data] = [
      await keys.makeChanges(run, signal),
      await keys.makeData(run, this.#source, signal),
    ];
    for (const problem of await wrapForRecovery(this.#context, [head, data], signal)) onWarning(problem);
    const entries = [head.entry, data.entry] as readonly ChangeRunKey[];
    this.#made = { age, keys: { entries, headKey: head.plain, data } };
    return this.#made.keys;
  }
}
