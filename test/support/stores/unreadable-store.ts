import { unreadable } from '../../../shared/store/file-errors.ts';
import type { ByteRange, ObjectStore } from '../../../shared/store/object-store.ts';

/** Passes calls on to `inner`, in which some objects lie on bad sectors: they are there, and no read of them succeeds. */
export class UnreadableStore implements ObjectStore {
  readonly location: string;
  readonly #inner: ObjectStore;
  readonly #isBad: (key: string, range: ByteRange) => boolean;

  constructor(inner: ObjectStore, isBad: (key: string, range: ByteRange) => boolean) {
    this.#inner = inner;
    this.#isBad = isBad;
    this.location = inner.location;
  }

  get: ObjectStore['get'] = async (key, options) => {
    const whole = { offsetBytes: 0, lengthBytes: Number.POSITIVE_INFINITY };
    if (this.#isBad(key, options?.range ?? whole)) throw unreadable(key, 'EIO');
    return this.#inner.get(key, options);
  };
  put: ObjectStore['put'] = (...args) => this.#inner.put(...args);
  head: ObjectStore['head'] = (...args) => this.#inner.head(...args);
  list: ObjectStore['list'] = (...args) => this.#inner.list(...args);
  delete: ObjectStore['delete'] = (...args) => this.#inner.delete(...args);
}
