import { HoldfastError } from '../../../../core/errors.ts';
import type { Row, Value } from '../messages.ts';

/** A row that is to be as `after` says. */
export interface PendingRow {
  /** Its key in the target now; undefined if it is not there yet. */
  readonly base: readonly string[] | undefined;
  /** In the order of the relation's columns; `undefined`: as the target has it. */
  readonly after: readonly Value[];
}

/** What a table's rows are to become, all at once. */
export interface PendingChanges {
  /** Keys of rows that go. */
  readonly gone: readonly (readonly string[])[];
  /** Rows that change. */
  readonly changed: readonly (PendingRow & { readonly base: readonly string[] })[];
  readonly added: readonly PendingRow[];
}

/** Text of PostgreSQL never holds it. */
const SEPARATOR = '\0';

/**
 * The changes of many transactions to a table with a key, with only the last state of each row: what a row was in between counts
 * for nobody, and a row that was added and removed is never written.
 */
export class KeyedRows {
  readonly #name: string;
  /** Places of the key among the columns. */
  readonly #key: readonly number[];
  /** By the key that rows have now. */
  readonly #rows = new Map<string, PendingRow>();
  readonly #gone = new Map<string, readonly string[]>();

  constructor(name: string, key: readonly number[]) {
    this.#name = name;
    this.#key = key;
  }

  insert(after: Row): void {
    const key = this.#keyOf(after);
    if (this.#rows.has(key.text)) throw this.#unlike('has a row twice');
    this.#rows.set(key.text, { base: undefined, after });
  }

  /** @param isWhole `before` is the whole row, not only its key */
  update(before: Row | undefined, after: Row, isWhole: boolean): void {
    const old = this.#keyOf(before ?? after);
    const known = this.#take(old);
    const merged = after.map((value, i) => {
      if (value !== undefined) return value;
      return before && (isWhole || this.#key.includes(i)) ? before[i] : known.after?.[i];
    });
    const key = this.#keyOf(merged);
    if (this.#rows.has(key.text)) throw this.#unlike('has a row twice');
    this.#rows.set(key.text, { base: known.base, after: merged });
  }

  delete(before: Row): void {
    const { base } = this.#take(this.#keyOf(before));
    if (base) this.#gone.set(base.join(SEPARATOR), base);
  }

  /** What is there goes with all rows of the table. */
  clear(): void {
    this.#rows.clear();
    this.#gone.clear();
  }

  take(): PendingChanges {
    const rows = [...this.#rows.values()];
    const gone = [...this.#gone.values()];
    this.clear();
    return {
      gone,
      changed: rows.filter((row): row is PendingRow & { base: readonly string[] } => row.base !== undefined),
      added: rows.filter(({ base }) => base === undefined),
    };
  }

  /** The row of that key, no longer among those that wait. */
  #take(key: Key): { readonly base: readonly string[] | undefined; readonly after?: readonly Value[] } {
    const row = this.#rows.get(key.text);
    if (row) {
      this.#rows.delete(key.text);
      return row;
    }
    if (this.#gone.has(key.text)) throw this.#unlike('changes a row that it removed');
    return { base: key.values };
  }

  #keyOf(row: Row): Key {
    const values = this.#key.map((place) => {
      const value = row[place];
      if (typeof value !== 'string') throw this.#unlike('has a row without a key');
      return value;
    });
    return { values, text: values.join(SEPARATOR) };
  }

  #unlike(what: string): HoldfastError {
    return new HoldfastError('E_DAMAGED', `the stream of changes ${what} in ${this.#name}`);
  }
}

interface Key {
  readonly values: readonly string[];
  readonly text: string;
}

/** The same for a table without a key: how many rows of each content are to come or go. */
export class CountedRows {
  readonly #counts = new Map<string, { readonly row: Row; count: number }>();

  insert(after: Row): void {
    this.#count(after, 1);
  }

  update(before: Row | undefined, after: Row): void {
    if (!before)
      throw new HoldfastError(
        'E_DAMAGED',
        'the stream updates a row of a table without a key, and does not say which',
      );
    this.#count(before, -1);
    this.#count(
      after.map((value, i) => (value === undefined ? before[i] : value)),
      1,
    );
  }

  delete(before: Row): void {
    this.#count(before, -1);
  }

  clear(): void {
    this.#counts.clear();
  }

  /** Rows, each with how often it comes (or goes, below zero). */
  take(): readonly { readonly row: Row; readonly count: number }[] {
    const counts = [...this.#counts.values()].filter(({ count }) => count !== 0);
    this.clear();
    return counts;
  }

  #count(row: Row, by: number): void {
    const text = JSON.stringify(row);
    const known = this.#counts.get(text);
    if (known) known.count += by;
    else this.#counts.set(text, { row, count: by });
  }
}
