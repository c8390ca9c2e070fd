import type { ObjectInfo, ObjectStore } from '../../../shared/store/object-store.ts';

/** A store whose listings lag behind: they miss what was put after `freeze`, until `thaw`. */
export class StaleStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  #late: Set<string> | undefined;

  constructor(inner: ObjectStore) {
    this.#inner = inner;
    this.location = inner.location;
  }

  freeze(): void {
    this.#late = new Set();
  }

  thaw(): void {
    this.#late = undefined;
  }

  /** Lets listings see one of those that they miss. */
  show(key: string): void {
    this.#late?.delete(key);
  }

  async put(...[key, ...rest]: Parameters<ObjectStore['put']>): Promise<void> {
    await this.#inner.put(key, ...rest);
    this.#late?.add(key);
  }

  get: ObjectStore['get'] = (...args) => this.#inner.get(...args);
  head: ObjectStore['head'] = (...args) => this.#inner.head(...args);
  delete: ObjectStore['delete'] = (...args) => this.#inner.delete(...args);

  async *list(...args: Parameters<ObjectStore['list']>): AsyncGenerator<ObjectInfo> {
    for await (const info of this.#inner.list(...args)) if (!this.#late?.has(info.key)) yield info;
  }
}
