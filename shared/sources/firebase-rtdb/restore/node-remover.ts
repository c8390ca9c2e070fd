import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { Answer, Ask, FirebaseConnection } from '../connection/connection.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { isThere, listKeys } from '../reading/key-listing.ts';

/** Children of one removal: at first, and at most. */
const FIRST_CHILDREN = 250;
const MOST_CHILDREN = 10_000;
/** So many removals in a row may get no answer. */
const MOST_SILENCES = 6;

/** How children are removed. */
export interface NodeRemoverOptions {
  readonly connection: FirebaseConnection;
  /** Told how many children went, each time that some did. */
  readonly onRemoved?: (nodes: number) => void;
  readonly signal: AbortSignal;
}

/** What became of a removal: it was too much at once, or no answer came and it may have been done. */
type Outcome = 'removed' | 'too-large' | 'unknown';

/**
 * Removes nodes by size, as Google's command line does: what takes the database longer than a second
 * (`writeSizeLimit=tiny`) is refused, and divided by its children. A removal that got no answer is not sent
 * again: what is left is looked for, and removed in smaller parts. If it is stopped, the same call removes
 * the rest.
 */
export class NodeRemover {
  readonly #options: NodeRemoverOptions;
  #silences = 0;

  constructor(options: NodeRemoverOptions) {
    this.#options = options;
  }

  /** @returns true, when all of it was removed. @throws E_SOURCE_* */
  async remove(place: NodePath): Promise<true> {
    const { connection, signal } = this.#options;
    const outcome = await this.#ask({ method: 'DELETE', path: place });
    const isGone = outcome === 'unknown' && !(await isThere(connection, place, signal));
    if (outcome === 'removed' || isGone) this.#tell(1);
    else {
      const keys = await listKeys(connection, place, { signal });
      await (keys.length === 0 ? this.#removeValue(place) : this.#removeChildren(place, keys));
    }
    return true;
  }

  /** As many at once as the database takes: fewer after each refusal, more after each success. */
  async #removeChildren(place: NodePath, keys: readonly string[]): Promise<void> {
    let most = FIRST_CHILDREN;
    for (let at = 0; at < keys.length; ) {
      const part = keys.slice(at, at + most);
      // To remove what is gone already does no harm: of an unknown outcome, nothing need be looked for.
      const isRemoved =
        part.length > 1 ? await this.#removeTogether(place, part) : await this.remove([...place, ...part]);
      if (isRemoved) at += part.length;
      most = isRemoved ? Math.min(most * 2, MOST_CHILDREN) : Math.ceil(part.length / 2);
    }
  }

  async #removeTogether(place: NodePath, keys: readonly string[]): Promise<boolean> {
    const body = `{${keys.map((key) => `${JSON.stringify(key)}:null`).join(',')}}`;
    const outcome = await this.#ask({ method: 'PATCH', path: place, body });
    if (outcome === 'removed') this.#tell(keys.length);
    return outcome === 'removed';
  }

  /** A value cannot be divided: it goes however long that takes. */
  async #removeValue(place: NodePath): Promise<void> {
    const { connection, signal } = this.#options;
    for (let isLeft = true; isLeft; ) {
      const outcome = await this.#ask({ method: 'DELETE', path: place }, 'unlimited');
      if (outcome === 'too-large')
        throw new HoldfastError(
          'E_SOURCE_FAILED',
          `${showPath(place)} is more than the database removes at once`,
          {
            hint: 'Remove it in the Firebase console, then run it again.',
          },
        );
      isLeft = outcome === 'unknown' && (await isThere(connection, place, signal));
    }
    this.#tell(1);
  }

  /** @throws E_SOURCE_LOST if removals got no answer too often */
  async #ask(ask: Omit<Ask, 'query'>, writeSizeLimit: 'tiny' | 'unlimited' = 'tiny'): Promise<Outcome> {
    const { connection, signal } = this.#options;
    const query = { print: 'silent', disableTriggers: 'true', writeSizeLimit };
    try {
      const outcome = await connection.ask({ ...ask, query, isSentOnce: true }, outcomeOf, signal);
      this.#silences = 0;
      return outcome;
    } catch (error) {
      if (!isHoldfastError(error, 'E_SOURCE_LOST') || ++this.#silences >= MOST_SILENCES) throw error;
      return 'unknown';
    }
  }

  #tell(nodes: number): void {
    this.#options.onRemoved?.(nodes);
  }
}

function outcomeOf({ outcome }: Answer): Outcome {
  return outcome === 'too-large' ? 'too-large' : 'removed';
}
