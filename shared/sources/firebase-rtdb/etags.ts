import { MiB } from '../../core/units.ts';
import type { Answer, FirebaseConnection } from './connection.ts';
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
    if (!this.#connection.usesEtags) return undefined;
    if (this.#disagreements >= MOST_DISAGREEMENTS) return undefined;
    if (this.#isSilent) {
      const { etag, outcome } = await this.#ask(path, { print: 'silent' }, signal);
      if (etag !== undefined || outcome === 'too-large') return etag;
      this.#isSilent = false;
    }
    return (await this.#ask(path, { shallow: 'true' }, signal)).etag;
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

  #ask(path: NodePath, query: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer> {
    return this.#connection.ask({ method: 'GET', path, query, etag: true }, (answer) => answer, signal);
  }
}

/** A look at a node after so many bytes of it: what changes and changes back between two looks is not seen. */
const LOOK_BYTES = 1 * MiB;

/** Watches one node while it is read in parts, by its ETag. */
export class NodeWatch {
  readonly #probe: EtagProbe;
  readonly #path: NodePath;
  readonly #etag: string | undefined;
  #sinceBytes = 0;
  #isSteady = true;

  private constructor(probe: EtagProbe, path: NodePath, etag: string | undefined) {
    this.#probe = probe;
    this.#path = path;
    this.#etag = etag;
  }

  static async begin(probe: EtagProbe, path: NodePath, signal: AbortSignal): Promise<NodeWatch> {
    return new NodeWatch(probe, path, await probe.probe(path, signal));
  }

  /** The ETag that it had all the time; undefined where the server gives none. */
  get etag(): string | undefined {
    return this.#isSteady ? this.#etag : undefined;
  }

  /** Whether it had another in between. */
  get hasChanged(): boolean {
    return !this.#isSteady;
  }

  /** Takes note of bytes that were read, and looks now and then. */
  async passed(bytes: number, signal: AbortSignal): Promise<void> {
    this.#sinceBytes += bytes;
    if (this.#sinceBytes >= LOOK_BYTES) await this.look(signal);
  }

  async look(signal: AbortSignal): Promise<void> {
    this.#sinceBytes = 0;
    if (this.#etag === undefined || !this.#isSteady) return;
    this.#isSteady = (await this.#probe.probe(this.#path, signal)) === this.#etag;
  }
}
