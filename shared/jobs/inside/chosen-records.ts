import { HoldfastError } from '../../core/errors.ts';
import { KiB } from '../../core/units.ts';
import type { KeyRanges } from '../../format/key-ranges.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { ShownRow } from '../../sources/row-target.ts';
import { type RowShape, splitRecords } from '../../sources/rows.ts';
import { isNumberText, sameNumberText } from './compare-values.ts';
import { parseCondition, type RowTest } from './conditions.ts';
import { keysAmong, keysWhere } from './wanted-keys.ts';

const BLOCK_BYTES = 256 * KiB;
const NEWLINE = Buffer.from('\n');

/**
 * Which rows of a dataset are chosen: those for which all conditions hold and, if keys are given, that have one of them. If only
 * rows to remove are given, none is put back: `all` says otherwise.
 */
export interface RowChoice {
  readonly dataset: string;
  /** Conditions: conditions.ts. @default all rows */
  readonly where?: readonly string[];
  /** Rows by their keys: the values of the key's columns by name. @default all rows */
  readonly keys?: readonly ShownRow[];
  /** All rows, also beside rows to remove. Not with conditions or keys. */
  readonly all?: true | undefined;
  /** Rows to remove from the target: keys at least, or all that they hold; if they hold something else by then, they differ. */
  readonly removals?: readonly ShownRow[];
}

/** The chosen records of a dataset. */
export class ChosenRecords {
  readonly #where: readonly string[];
  readonly #tests: readonly RowTest[];
  readonly #keys: ReadonlyMap<string, ShownRow> | undefined;
  readonly #found = new Set<string>();
  readonly #shape: RowShape;
  /** Records so far. */
  count = 0;

  /** @throws E_USAGE for a condition that cannot be, keys of rows without a key, a key of another form, all rows and only some */
  constructor(shape: RowShape, { dataset, where = [], keys: given, all, removals = [] }: RowChoice) {
    this.#shape = shape;
    this.#where = where;
    if (all && (given || where.length > 0))
      throw new HoldfastError('E_USAGE', `all rows of ${dataset} are chosen, and only some of them too`, {
        hint: 'Leave out `all`, or the conditions and keys.',
      });
    const isOfRemovals = removals.length > 0 && where.length === 0 && !all;
    const keys = given ?? (isOfRemovals ? [] : undefined);
    this.#tests = where.map((text) => parseCondition(text, shape.columns));
    this.#keys = keys && new Map(keys.map((row) => [keyOfRow(shape, row, dataset), row]));
  }

  /** Whole records, in blocks that are the consumer's to keep. */
  async *read(
    contents: BackupContents,
    dataset: StoredDataset,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array> {
    let block: Uint8Array[] = [];
    let bytes = 0;
    for (const partition of dataset.partitions) {
      for await (const record of splitRecords(contents.read(dataset, partition, signal))) {
        if (!this.#isChosen(record)) continue;
        block.push(Buffer.from(record), NEWLINE);
        bytes += record.length + 1;
        if (bytes < BLOCK_BYTES) continue;
        yield Buffer.concat(block);
        [block, bytes] = [[], 0];
      }
    }
    if (bytes > 0) yield Buffer.concat(block);
  }

  /** Keys outside of which no record is chosen; undefined if that cannot be said. */
  rangesOf(dataset: StoredDataset): KeyRanges | undefined {
    const keys =
      this.#keys && [...this.#keys.values()].map((row) => keyValues(this.#shape, row, dataset.name));
    const among = keys && keysAmong(dataset, this.#shape, keys);
    return among ?? keysWhere(dataset, this.#shape, this.#where);
  }

  /** Keys that no record had; none if rows were not chosen by keys. */
  get notFound(): readonly ShownRow[] {
    return [...(this.#keys ?? [])].flatMap(([key, row]) => (this.#found.has(key) ? [] : [row]));
  }

  #isChosen(record: Uint8Array): boolean {
    const fields = this.#tests.length > 0 || this.#keys ? this.#shape.parse(record) : [];
    if (!this.#tests.every((test) => test(fields))) return false;
    if (this.#keys) {
      const key = this.#shape.key.map((place) => this.#form(fields[place] ?? null, place));
      const text = JSON.stringify(key);
      if (!this.#keys.has(text)) return false;
      this.#found.add(text);
    }
    this.count++;
    return true;
  }

  #form(value: string | null, place: number): string | null {
    return formOf(value, this.#shape, place);
  }
}

/** The values of a key's columns, numbers without zeros that say nothing. */
function keyOfRow(shape: RowShape, row: ShownRow, dataset: string): string {
  return JSON.stringify(keyValues(shape, row, dataset));
}

/** @throws E_USAGE for rows without a key, a missing column of the key, or text where the key is a number */
export function keyValues(shape: RowShape, row: ShownRow, dataset: string): readonly (string | null)[] {
  if (shape.key.length === 0)
    throw new HoldfastError('E_USAGE', `the rows of ${dataset} have no primary key`, {
      hint: 'Choose them with --where.',
    });
  return shape.key.map((place) => {
    const { name, type, isNumber } = shape.columns[place] ?? { name: '', type: '', isNumber: false };
    const value = row[name];
    if (value === undefined)
      throw new HoldfastError('E_USAGE', `a key of ${dataset} lacks ${name}: ${JSON.stringify(row)}`, {
        hint: `The key is (${shape.key.map((at) => shape.columns[at]?.name).join(', ')}).`,
      });
    if (isNumber && value !== null && !isNumberText(value))
      throw new HoldfastError('E_USAGE', `${name} of ${dataset} is ${type}; '${value}' is not a number`, {
        hint: 'Give the keys as the database writes them; `holdfast rows` shows them.',
      });
    return formOf(value, shape, place);
  });
}

function formOf(value: string | null, { columns }: RowShape, place: number): string | null {
  return value !== null && columns[place]?.isNumber ? sameNumberText(value) : value;
}
