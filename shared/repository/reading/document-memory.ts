interface Known<T> {
  readonly stamp: string;
  readonly value: T;
  readonly sizeBytes: number;
}

/**
 * Small documents that were read, kept as long as listings say that they are unchanged. Bounded by their size
 * in the store.
 */
export class DocumentMemory<T> {
  readonly #mostBytes: number;
  /** Least lately used first. */
  readonly #known = new Map<string, Known<T>>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  /**
   * @param stamp of the object as now listed: stampOf in listed-objects.ts; any text for what never changes
   */
  get(key: string, stamp: string | undefined): T | undefined {
    const known = this.#known.get(key);
    if (!known || known.stamp !== stamp) return undefined;
    this.#known.delete(key);
    this.#known.set(key, known);
    return known.value;
  }

  keep(key: string, known: Known<T>): void {
    this.#forget(key);
    this.#known.set(key, known);
    this.#bytes += known.sizeBytes;
    for (const oldest of this.#known.keys()) {
      if (this.#bytes <= this.#mostBytes) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#known.get(key)?.sizeBytes ?? 0;
    this.#known.delete(key);
  }
}
