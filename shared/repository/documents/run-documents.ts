import { about, HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { parseRunBody, type RunBody, type RunBodyKind } from '../../format/run-bodies.ts';
import {
  encodeRunDocument,
  openRunDocument,
  parseRunDocument,
  RUNS,
  type RunDocumentKey,
} from '../../format/run-document.ts';
import { getIfThere } from '../../store/if-there.ts';
import type { RepositoryContext } from '../context.ts';

const RUN = /^[0-9a-f]{32}$/;

/** @throws E_USAGE unless it is 32 hex digits */
export function parseRun(text: string): string {
  if (RUN.test(text)) return text;
  throw new HoldfastError('E_USAGE', `a run id has 32 lower-case hex digits, got '${text.slice(0, 80)}'`);
}

/** A document of a run, and whether this process put it there. */
export interface FirstPut<K extends RunBodyKind> {
  readonly isOurs: boolean;
  readonly body: RunBody<K>;
}

/**
 * Opens a document of a run, whatever its content. @throws E_DAMAGED, E_WRONG_KEY, E_NEWER_FORMAT,
 * E_FOREIGN_REPOSITORY
 */
export async function proveRunDocument(
  { file, keys }: RepositoryContext,
  key: string,
  bytes: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const document = parseRunDocument(bytes, { repository: file.id, key });
  openRunDocument(document, await keys.unwrap(document.wrapped, signal));
}

/**
 * What the parts of a run leave for each other, each an object of its own, sealed, written once. All are sealed with the key that
 * the first one read or written names.
 */
export class RunDocuments {
  readonly run: string;
  readonly #context: RepositoryContext;
  /** Unwrapped keys by their wrapped text. */
  readonly #opened = new Map<string, Promise<Uint8Array>>();
  #key: RunDocumentKey | undefined;

  /** @throws E_USAGE */
  constructor(context: RepositoryContext, run: string) {
    this.#context = context;
    this.run = parseRun(run);
  }

  keyOf(name: string): string {
    return `${RUNS}${this.run}/${name}`;
  }

  /** @throws E_OBJECT_EXISTS, E_NO_KEY, E_KEY_*, E_STORE_* */
  put<K extends RunBodyKind>(name: string, kind: K, body: RunBody<K>, signal: AbortSignal): Promise<void> {
    return this.#putAt(this.keyOf(name), kind, body, signal);
  }

  /**
   * Undefined if it does not exist. @throws E_DAMAGED, E_WRONG_KEY, E_NEWER_FORMAT, E_FOREIGN_REPOSITORY,
   * E_STORE_*
   */
  get<K extends RunBodyKind>(name: string, kind: K, signal: AbortSignal): Promise<RunBody<K> | undefined> {
    return this.#getAt(this.keyOf(name), kind, signal);
  }

  /** What is stored afterwards: this, or what somebody else stored before. @throws as `put` and `get` do */
  putFirst<K extends RunBodyKind>(
    name: string,
    kind: K,
    body: RunBody<K>,
    signal: AbortSignal,
  ): Promise<FirstPut<K>> {
    return this.putFirstAt(this.keyOf(name), kind, body, signal);
  }

  /** As `putFirst`, at any key. */
  async putFirstAt<K extends RunBodyKind>(
    key: string,
    kind: K,
    body: RunBody<K>,
    signal: AbortSignal,
  ): Promise<FirstPut<K>> {
    try {
      await this.#putAt(key, kind, body, signal);
      return { isOurs: true, body };
    } catch (error) {
      if (!isHoldfastError(error, 'E_OBJECT_EXISTS')) throw error;
      const before = await this.#getAt(key, kind, signal);
      if (!before) throw error;
      return { isOurs: false, body: before };
    }
  }

  async #putAt<K extends RunBodyKind>(
    key: string,
    kind: K,
    body: RunBody<K>,
    signal: AbortSignal,
  ): Promise<void> {
    const { file, keys, store } = this.#context;
    this.#key ??= await keys.make(this.run, 'index', signal);
    // Never write what could not be read again.
    const checked = parseRunBody(kind, body as JsonObject, key) as JsonObject;
    const bytes = encodeRunDocument({ repository: file.id, key, body: checked }, this.#key);
    await store.put(key, bytes, { signal });
  }

  async #getAt<K extends RunBodyKind>(
    key: string,
    kind: K,
    signal: AbortSignal,
  ): Promise<RunBody<K> | undefined> {
    const { file, store } = this.#context;
    const bytes = await getIfThere(key, store, signal);
    if (!bytes) return undefined;
    const document = parseRunDocument(bytes, { repository: file.id, key });
    const { wrapped: entry } = document;
    const plain = await about(key, () => this.#open(entry, signal));
    if (entry.run === this.run) this.#key ??= { entry, plain };
    return parseRunBody(kind, openRunDocument(document, plain), key);
  }

  #open(entry: RunDocumentKey['entry'], signal: AbortSignal): Promise<Uint8Array> {
    let opened = this.#opened.get(entry.wrapped);
    if (!opened) {
      opened = this.#context.keys.unwrap(entry, signal);
      this.#opened.set(entry.wrapped, opened);
      opened.catch(() => this.#opened.delete(entry.wrapped));
    }
    return opened;
  }
}
