/** Numbers packs in order of appearance, so that a set of them takes one bit per pack. */
export class PackNumbers {
  readonly #numbers = new Map<string, number>();
  readonly #ids: string[] = [];

  /** Its number, a new one if it has none. */
  of(id: string): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    this.#numbers.set(id, this.#ids.length);
    return this.#ids.push(id) - 1;
  }

  find(id: string): number | undefined {
    return this.#numbers.get(id);
  }

  /** @param number one that was given out */
  idOf(number: number): string {
    return this.#ids[number] ?? '';
  }
}

/** Ids of packs. Many sets of one numbering take little memory, and are joined fast. */
export class PackSet implements Iterable<string> {
  readonly #numbers: PackNumbers;
  #words = new Uint32Array(64);

  constructor(numbers: PackNumbers) {
    this.#numbers = numbers;
  }

  /** @param packs their numbers */
  add(packs: Iterable<number>): void {
    for (const number of packs) {
      const word = number >>> 5;
      if (word >= this.#words.length) this.#grow(word + 1);
      this.#words[word] = (this.#words[word] ?? 0) | (1 << (number & 31));
    }
  }

  /** @param other of the same numbering */
  addAll(other: PackSet): void {
    const words = other.#words;
    if (words.length > this.#words.length) this.#grow(words.length);
    for (let word = 0; word < words.length; word++)
      this.#words[word] = (this.#words[word] ?? 0) | (words[word] ?? 0);
  }

  copy(): PackSet {
    const copy = new PackSet(this.#numbers);
    copy.addAll(this);
    return copy;
  }

  has(id: string): boolean {
    const number = this.#numbers.find(id);
    return number !== undefined && this.#hasNumber(number);
  }

  *[Symbol.iterator](): Generator<string> {
    for (let word = 0; word < this.#words.length; word++) {
      if (this.#words[word] === 0) continue;
      for (let bit = 0; bit < 32; bit++)
        if (this.#hasNumber(word * 32 + bit)) yield this.#numbers.idOf(word * 32 + bit);
    }
  }

  #hasNumber(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  #grow(words: number): void {
    const larger = new Uint32Array(Math.max(words, this.#words.length * 2));
    larger.set(this.#words);
    this.#words = larger;
  }
}

/** Everything that any of these has. */
export function unionOf(sets: Iterable<Iterable<string> | undefined>): Pick<ReadonlySet<string>, 'has'> {
  const plain = new Set<string>();
  let joined: PackSet | undefined;
  for (const set of sets) {
    if (!(set instanceof PackSet)) for (const id of set ?? []) plain.add(id);
    else if (joined) joined.addAll(set);
    else joined = set.copy();
  }
  return { has: (id) => plain.has(id) || joined?.has(id) === true };
}
