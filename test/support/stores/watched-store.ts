import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { neededObjects } from '../repository/needed-objects.ts';

/** Passes every call on, and notes as soon as it happens that a listed manifest names a pack that is not there. */
export class WatchedStore implements ObjectStore {
  readonly location = 'watched:';
  readonly #inner: ObjectStore;
  readonly #packs = new Set<string>();
  readonly #listed = new Map<string, { readonly source: string; readonly packs: readonly string[] }>();
  /** What went wrong first. */
  violation: string | undefined;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
  }

  /** Sources of listed backups, and how many each has. */
  sources(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { source } of this.#listed.values()) counts.set(source, (counts.get(source) ?? 0) + 1);
    return counts;
  }

  sourceOf(key: string): string | undefined {
    return this.#listed.get(key)?.source;
  }

  put: ObjectStore['put'] = async (key, body, options) => {
    await this.#inner.put(key, body, options);
    if (key.startsWith('data/')) this.#packs.add(key);
    if (key.startsWith('backups/')) await this.#list(key, body);
  };

  delete: ObjectStore['delete'] = async (key, options) => {
    await this.#inner.delete(key, options);
    this.#packs.delete(key);
    this.#listed.delete(key);
    for (const [backup, { packs }] of this.#listed)
      if (packs.includes(key)) this.violation ??= `${key} was removed, and ${backup} needs it`;
  };

  get: ObjectStore['get'] = (...args) => this.#inner.get(...args);
  head: ObjectStore['head'] = (...args) => this.#inner.head(...args);
  list: ObjectStore['list'] = (...args) => this.#inner.list(...args);

  async #list(key: string, body: Uint8Array): Promise<void> {
    const { source } = JSON.parse(Buffer.from(body).toString()) as {
      readonly source: { readonly name: string };
    };
    const keys = await neededObjects(this.#inner, key);
    this.#listed.set(key, { source: source.name, packs: keys });
    const missing = keys.find((pack) => !this.#packs.has(pack));
    if (missing !== undefined) this.violation ??= `${key} was listed, and ${missing} is gone`;
  }
}
