import { createHash } from 'node:crypto';
import { isHoldfastError } from '../../core/errors.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { parseBody } from '../../format/report-bodies.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { StoredReport } from './stored-report.ts';

const UNREADABLE = 'unreadable';

interface PutAside {
  readonly state: string;
  readonly reason: string;
}

/** Objects that cannot be trusted, and that somebody looked at and put aside: they block nothing. */
export class Quarantine {
  readonly #store: ObjectStore;
  readonly #putAside: ReadonlyMap<string, readonly PutAside[]>;

  private constructor(store: ObjectStore, putAside: ReadonlyMap<string, readonly PutAside[]>) {
    this.#store = store;
    this.#putAside = putAside;
  }

  /**
   * Reports can be proven only with the key: without one, nothing counts as put aside.
   *
   * @param reports of the kind `quarantine`
   */
  static async read(store: ObjectStore, reports: AsyncIterable<StoredReport>): Promise<Quarantine> {
    const found = new Map<string, PutAside[]>();
    for await (const { report, isProven } of reports) {
      if (!report || !isProven) continue;
      try {
        const { object, state, reason } = parseBody('quarantine', report);
        found.set(object, [...(found.get(object) ?? []), { state, reason }]);
      } catch (error) {
        if (!isDocumentProblem(error)) throw error;
      }
    }
    return new Quarantine(store, found);
  }

  /**
   * Why it was put aside; undefined if it was not, has other bytes by now, or is gone.
   *
   * @param place where its bytes are, for a copy
   * @throws E_STORE_*
   */
  async reasonOf(object: string, signal: AbortSignal, place = object): Promise<string | undefined> {
    const putAside = this.#putAside.get(object);
    if (!putAside) return undefined;
    try {
      const state = await objectState(this.#store, place, signal);
      return putAside.find((one) => one.state === state)?.reason;
    } catch (error) {
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) return undefined;
      throw error;
    }
  }
}

/**
 * The object's present state: SHA-256 of its bytes, in hex; `unreadable` if it cannot be read. @throws
 * E_OBJECT_NOT_FOUND, E_STORE_*
 */
export async function objectState(store: ObjectStore, object: string, signal: AbortSignal): Promise<string> {
  try {
    return createHash('sha256')
      .update(await store.get(object, { signal }))
      .digest('hex');
  } catch (error) {
    if (isHoldfastError(error, 'E_OBJECT_UNREADABLE')) return UNREADABLE;
    throw error;
  }
}
