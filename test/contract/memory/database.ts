import { HoldfastError } from '../../../shared/core/errors.ts';
import type { Content } from '../world.ts';

/** A database in memory, with what can befall a real one. */
export class MemoryDatabase {
  /** Immutable: every change makes another map, so that a view can keep the one that it began with. */
  data: ReadonlyMap<string, Content> = new Map();
  /** Counts the changes of each dataset. */
  readonly versions = new Map<string, number>();
  readonly views = new Map<string, ReadonlyMap<string, Content>>();
  readonly denied = new Set<string>();
  openConnections = 0;
  touched = 0;
  passedBytes = 0;
  fault:
    | { readonly kind: 'cut' | 'silence'; readonly atByte: number; readonly isForGood: boolean }
    | undefined;
  silenceBegun = Promise.withResolvers<void>();

  put(name: string, content: Content | undefined): void {
    const data = new Map([...this.data].filter(([other]) => other !== name));
    if (content) data.set(name, content);
    this.data = new Map([...data].sort(([a], [b]) => (a < b ? -1 : 1)));
    this.versions.set(name, (this.versions.get(name) ?? 0) + 1);
  }

  connect(): MemoryConnection {
    this.touched++;
    return new MemoryConnection(this);
  }
}

/** What is said and written goes through one. */
export class MemoryConnection {
  readonly #database: MemoryDatabase;
  #isOpen = true;

  constructor(database: MemoryDatabase) {
    this.#database = database;
    database.openConnections++;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** @throws E_SOURCE_LOST, E_ABORTED */
  async pass(bytes: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) throw new HoldfastError('E_ABORTED', 'stopped on request');
    if (!this.#isOpen) throw new HoldfastError('E_SOURCE_LOST', 'the connection is closed');
    this.#database.passedBytes += bytes;
    const { fault, passedBytes } = this.#database;
    if (!fault || passedBytes < fault.atByte) return;
    if (fault.kind === 'cut') {
      if (!fault.isForGood) this.#database.fault = undefined;
      throw new HoldfastError('E_SOURCE_LOST', 'the connection broke');
    }
    const stopped = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    this.#database.silenceBegun.resolve();
    await stopped;
    throw new HoldfastError('E_ABORTED', 'stopped on request');
  }

  close(): void {
    if (this.#isOpen) this.#database.openConnections--;
    this.#isOpen = false;
  }
}
