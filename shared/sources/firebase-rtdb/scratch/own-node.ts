import { randomBytes } from 'node:crypto';
import { systemClock } from '../../../core/clock.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { MINUTE_MS } from '../../../core/units.ts';
import { type ScratchMark, scratchName } from '../../scratch.ts';
import type { FirebaseConnection } from '../connection/connection.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { isThere } from '../reading/key-listing.ts';
import { removeNode } from '../restore/remove-node.ts';
import { ScratchMarks } from './marks.ts';

/** Stands for a repository in the mark: checks have none. */
const NO_REPOSITORY = '0'.repeat(32);
/** For removing, which is not stopped half way. */
const MOST_MS = 2 * MINUTE_MS;

/** A node that checks write into, marked as a drill's is: what a killed run left, a later one removes after a day. */
export class OwnNode implements AsyncDisposable {
  readonly place: NodePath;
  readonly #connection: FirebaseConnection;
  readonly #mark: ScratchMark;
  readonly #marks: ScratchMarks;
  #isMade = false;

  /** @param base the node below which it lies */
  constructor(connection: FirebaseConnection, base: NodePath) {
    this.#connection = connection;
    this.#mark = { repository: NO_REPOSITORY, run: randomBytes(16).toString('hex'), at: systemClock.now() };
    this.#marks = new ScratchMarks(connection, base);
    this.place = [...base, scratchName(this.#mark)];
  }

  /** Marks it; nothing lies in it yet. @throws E_SOURCE_*, E_TARGET_NOT_EMPTY */
  async make(signal: AbortSignal): Promise<void> {
    await this.#marks.checkPlace(signal);
    await this.#marks.removeLeftovers(this.#mark, () => {}, signal);
    if (await isThere(this.#connection, this.place, signal))
      throw new HoldfastError('E_TARGET_NOT_EMPTY', `${showPath(this.place)} already exists`, {
        hint: 'Nothing was changed: run it again, which takes a new name.',
      });
    this.#isMade = true;
    await this.#marks.write(this.#mark, signal);
  }

  /** The mark last: what could not be removed is still known. @throws E_SOURCE_* */
  async remove(signal: AbortSignal): Promise<void> {
    await removeNode(this.#connection, this.place, { signal });
    await this.#marks.remove(scratchName(this.#mark), signal);
    this.#isMade = false;
  }

  /** Removes what is still there; the mark tells of what cannot be. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isMade) await this.remove(AbortSignal.timeout(MOST_MS)).catch(() => {});
  }
}
