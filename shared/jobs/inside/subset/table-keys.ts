import type { BackupContents, StoredDataset } from '../../../sources/contents.ts';
import { splitRecords } from '../../../sources/rows.ts';
import type { TableFacts } from '../../../sources/table-facts.ts';
import { sameNumberText } from '../compare-values.ts';
import { keyHash } from './key-set.ts';

/** How values of a column in a key are made alike: equal to the database, then equal as text. Different ones may be alike too. */
export interface KeyForm {
  readonly isNumber: boolean;
  /** Blanks at the end do not count. */
  readonly isTrimmed: boolean;
  /** Neither case nor accents count. */
  readonly isCaseless: boolean;
}

/** Columns of a table that refer to others, or are referred to. */
export interface KeyList {
  /** Places of its columns. Empty: all rows are alike. */
  readonly places: readonly number[];
  readonly forms: readonly KeyForm[];
}

/** A row that is scanned; the next one is the same object. */
export interface ScannedRow {
  /** Place of its partition in the dataset, and its own in that. */
  partition: number;
  place: number;
  /** Of its record, the newline included. */
  bytes: number;
  /** By lists: the hash of its key, 0 if a column of it is NULL. */
  readonly keys: Float64Array;
  /** Undefined if the row comes from memory. */
  record: Uint8Array | undefined;
}

/** Bytes of memory that are left for keys of tables. */
export interface KeyRoom {
  bytes: number;
}

/** What each row takes besides its keys. */
const ROW_BYTES = 12;

/** The keys of a table's rows: read from the backup, and kept in memory from then on if there is room. */
export class TableKeys {
  readonly dataset: StoredDataset;
  readonly #contents: BackupContents;
  readonly #facts: TableFacts;
  readonly #lists: readonly KeyList[];
  readonly #room: KeyRoom;
  #kept: Kept | undefined;
  #isBackward = false;

  constructor(
    contents: BackupContents,
    { dataset, facts }: { readonly dataset: StoredDataset; readonly facts: TableFacts },
    lists: readonly KeyList[],
    room: KeyRoom,
  ) {
    this.#contents = contents;
    this.dataset = dataset;
    this.#facts = facts;
    this.#lists = lists;
    this.#room = room;
  }

  /**
   * All rows. From memory every other time from the last to the first, so that a chain of rows that refer to each other is mostly
   * followed at once.
   *
   * @throws E_DAMAGED, E_STORE_*, E_ABORTED
   */
  async scan(visit: (row: ScannedRow) => void, signal: AbortSignal): Promise<void> {
    if (this.#kept) {
      this.#isBackward = !this.#isBackward;
      this.#kept.scan(visit, this.#isBackward);
      return;
    }
    const kept = this.#newKept();
    const row = rowOf(this.#lists.length);
    const { codec } = this.#facts;
    for (const [partition, stored] of this.dataset.partitions.entries()) {
      row.partition = partition;
      row.place = 0;
      for await (const record of splitRecords(this.#contents.read(this.dataset, stored, signal))) {
        const fields = this.#lists.length > 0 ? codec.split(record) : [];
        for (const [i, list] of this.#lists.entries()) row.keys[i] = this.#hashOf(fields, list);
        row.bytes = record.length + 1;
        row.record = record;
        kept?.add(row);
        visit(row);
        row.place++;
      }
    }
    this.#kept = kept;
  }

  #newKept(): Kept | undefined {
    const bytes = this.dataset.records * (ROW_BYTES + 8 * this.#lists.length);
    if (bytes > this.#room.bytes) return undefined;
    this.#room.bytes -= bytes;
    return new Kept(this.dataset.records, this.#lists.length);
  }

  #hashOf(fields: readonly Uint8Array[], { places, forms }: KeyList): number {
    let text = '';
    for (const [i, place] of places.entries()) {
      const value = this.#facts.codec.textOf(fields[place] as Uint8Array, place);
      if (value === null) return 0;
      text += `${alike(value, forms[i] as KeyForm)}\0`;
    }
    return keyHash(text);
  }
}

/** Keys in memory. */
class Kept {
  readonly #partitions: Uint32Array;
  readonly #places: Uint32Array;
  readonly #bytes: Uint32Array;
  readonly #keys: Float64Array;
  readonly #lists: number;
  #count = 0;

  constructor(rows: number, lists: number) {
    this.#partitions = new Uint32Array(rows);
    this.#places = new Uint32Array(rows);
    this.#bytes = new Uint32Array(rows);
    this.#keys = new Float64Array(rows * lists);
    this.#lists = lists;
  }

  add({ partition, place, bytes, keys }: ScannedRow): void {
    const at = this.#count++;
    this.#partitions[at] = partition;
    this.#places[at] = place;
    this.#bytes[at] = bytes;
    this.#keys.set(keys, at * this.#lists);
  }

  scan(visit: (row: ScannedRow) => void, isBackward: boolean): void {
    const row = rowOf(this.#lists);
    for (let i = 0; i < this.#count; i++) {
      const at = isBackward ? this.#count - 1 - i : i;
      row.partition = this.#partitions[at] ?? 0;
      row.place = this.#places[at] ?? 0;
      row.bytes = this.#bytes[at] ?? 0;
      for (let list = 0; list < this.#lists; list++)
        row.keys[list] = this.#keys[at * this.#lists + list] ?? 0;
      visit(row);
    }
  }
}

function rowOf(lists: number): ScannedRow {
  return { partition: 0, place: 0, bytes: 0, keys: new Float64Array(lists), record: undefined };
}

/** Accents, and what is not seen. */
const MARKS = /[\p{M}\p{C}]/gu;

function alike(value: string, { isNumber, isTrimmed, isCaseless }: KeyForm): string {
  if (isNumber) return sameNumberText(value);
  const trimmed = isTrimmed || isCaseless ? value.replace(/ +$/, '') : value;
  if (!isCaseless) return trimmed;
  const plain = trimmed.normalize('NFKD').replaceAll(MARKS, '').toLowerCase();
  // A sharp s is one s to some collations and two to others.
  return plain.replaceAll('æ', 'ae').replaceAll('œ', 'oe').replaceAll('ß', 's').replaceAll('ss', 's');
}
