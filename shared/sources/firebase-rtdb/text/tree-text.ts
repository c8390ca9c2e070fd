/** Text of an object of objects from values by path, in order. */
export class TreeText {
  /** Keys of the objects that are open. */
  #open: readonly string[] = [];
  #isEmpty = true;
  #isScalar = false;

  /** @returns what the text goes on with */
  add(path: readonly string[], value: string): string {
    if (path.length === 0) {
      this.#isScalar = true;
      this.#isEmpty = false;
      return value;
    }
    const parents = path.slice(0, -1);
    let shared = 0;
    while (shared < parents.length && parents[shared] === this.#open[shared]) shared++;
    const opened = parents.slice(shared);
    const first = this.#isEmpty ? '{' : `${'}'.repeat(this.#open.length - shared)},`;
    this.#open = parents;
    this.#isEmpty = false;
    return `${first}${opened.map((key) => `${JSON.stringify(key)}:{`).join('')}${JSON.stringify(path.at(-1))}:${value}`;
  }

  /** @returns what the text ends with */
  end(): string {
    if (this.#isEmpty) return 'null';
    return this.#isScalar ? '' : '}'.repeat(this.#open.length + 1);
  }
}
