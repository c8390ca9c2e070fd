import type { FirebaseConnection } from './connection.ts';
import type { NodePath } from './paths.ts';

/** An ETag is believed after one agreement, and no more after so many disagreements. */
const MOST_DISAGREEMENTS = 3;

/**
 * Asks for the ETags of subtrees without reading them.
 *
 * That a read of nothing (`print=silent`) gives the same ETag as a read of everything is not documented. So it is shown
 * first, on data that was just read: until the two agree, nothing rests on such an ETag.
 */
export class EtagProbe {
  readonly #connection: FirebaseConnection;
  #isSilent = true;
  #hasAgreed = false;
  #disagreements = 0;

  constructor(connection: FirebaseConnection) {
    this.#connection = connection;
  }

  /** Whether ETags of probes are known to stand for all that lies below. */
  get isTrusted(): boolean {
    return this.#hasAgreed;
  }

  /** Whether it is still open what they stand for. */
  get isOpen(): boolean {
    return !this.#hasAgreed && this.#disagreements < MOST_DISAGREEMENTS;
  }

  /** Undefined where the server gives none. */
  async probe(path: NodePath, signal: AbortSignal): Promise<string | undefined> {
    if (this.#disagreements >= MOST_DISAGREEMENTS) return undefined;
    if (this.#isSilent) {
      const etag = await this.#ask(path, { print: 'silent' }, signal);
      if (etag !== undefined) return etag;
      this.#isSilent = false;
    }
    return this.#ask(path, { shallow: 'true' }, signal);
  }

  /**
   * Takes note of a node with children that was read whole.
   *
   * @param etag the one that came with the whole
   */
  async compare(path: NodePath, etag: string | undefined, signal: AbortSignal): Promise<void> {
    if (!this.isOpen || etag === undefined) return;
    if ((await this.probe(path, signal)) === etag) this.#hasAgreed = true;
    else this.#disagreements++;
  }

  /** A probe gave an ETag that was kept with data once: it stands for the whole. */
  agree(): void {
    this.#hasAgreed = true;
  }

  async #ask(
    path: NodePath,
    query: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    return this.#connection.ask({ method: 'GET', path, query, etag: true }, ({ etag }) => etag, signal);
  }
}
