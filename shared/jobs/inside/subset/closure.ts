import { MiB } from '../../../core/units.ts';
import type { BackupContents, StoredDataset } from '../../../sources/contents.ts';
import type { FactsOfTables, TableFacts } from '../../../sources/table-facts.ts';
import { parseCondition, type RowTest } from '../conditions.ts';
import { rowShapeOf } from '../row-shape.ts';
import { KeyCount, KeySet } from './key-set.ts';
import { type ParentKey, type Reference, referencesOf } from './references.ts';
import { RowBits } from './row-bits.ts';
import { parseSeed, type Seed, type SubsetChoice } from './subset-choice.ts';
import { type KeyList, type KeyRoom, type ScannedRow, TableKeys } from './table-keys.ts';

/** Memory for keys of tables that would otherwise be read again in each round. */
const KEPT_BYTES = 128 * MiB;

/** By dataset, the chosen rows of its partitions, in their order. */
export type ChosenRows = ReadonlyMap<string, readonly RowBits[]>;

/** What is chosen, and what nobody can follow. */
export interface Closure {
  readonly chosen: ChosenRows;
  readonly warnings: readonly string[];
}

/** What a subset is computed with. */
export interface ClosureOptions {
  /** Different keys at most. @default 8 million */
  readonly mostKeys?: number;
  /** Memory for keys of tables, in bytes. @default 128 MiB */
  readonly keptBytes?: number;
  readonly signal: AbortSignal;
}

/**
 * The rows that a subset consists of: those that were chosen, and by fixed point all that they refer to. Tables are read once if their
 * keys have room in memory, else once in each round.
 *
 * @throws E_USAGE for a condition, reference or column that cannot be, and for too many keys; E_NO_DATASET, E_DAMAGED, E_STORE_*
 */
export async function closureOf(
  contents: BackupContents,
  facts: FactsOfTables,
  choice: SubsetChoice,
  { mostKeys, keptBytes = KEPT_BYTES, signal }: ClosureOptions,
): Promise<Closure> {
  const count = new KeyCount(mostKeys);
  const { references, warnings } = referencesOf(facts, choice.references ?? [], () => new KeySet(count));
  const seeds = choice.rows.map((text) => parseSeed(text, facts));
  const room: KeyRoom = { bytes: keptBytes };
  const isFollowing = choice.follow === 'children';
  const tables: ClosureTable[] = [];
  for (const of of facts.tables) {
    const dataset = contents.datasets.find(({ name }) => name === of.dataset);
    if (!dataset) continue;
    const tests = await seedTests(contents, { dataset, facts: of }, seeds, signal);
    tables.push(new ClosureTable(contents, { dataset, facts: of, references, isFollowing, tests, room }));
  }
  for (let open = tables; open.length > 0; open = tables.filter((table) => table.isOpen))
    for (const table of open) await table.scan(signal);
  return { chosen: new Map(tables.map(({ name, bits }) => [name, bits])), warnings };
}

interface SeedTest {
  readonly parse: (record: Uint8Array) => Parameters<RowTest>[0];
  /** One of these lists must hold. */
  readonly any: readonly (readonly RowTest[])[];
}

async function seedTests(
  contents: BackupContents,
  { dataset, facts }: { readonly dataset: StoredDataset; readonly facts: TableFacts },
  seeds: readonly Seed[],
  signal: AbortSignal,
): Promise<SeedTest | undefined> {
  const own = seeds.filter(({ tables }) => tables.includes(facts));
  if (own.length === 0) return undefined;
  const { columns, parse } = await rowShapeOf(contents, dataset, signal);
  return { parse, any: own.map(({ where }) => where.map((text) => parseCondition(text, columns))) };
}

/** A key of the table, or a reference from it, and the place of its list among the table's. */
interface Placed<T> {
  readonly of: T;
  readonly list: number;
}

interface TableAbout {
  readonly dataset: StoredDataset;
  readonly facts: TableFacts;
  readonly references: readonly Reference[];
  readonly isFollowing: boolean;
  readonly tests: SeedTest | undefined;
  readonly room: KeyRoom;
}

/** The rows of a table, as far as they are chosen. */
class ClosureTable {
  readonly name: string;
  readonly bits: readonly RowBits[];
  /** Rows whose children come along; undefined if none do. */
  readonly #followed: readonly RowBits[] | undefined;
  readonly #keys: TableKeys;
  readonly #parents: readonly Placed<ParentKey>[];
  readonly #references: readonly Placed<Reference>[];
  #tests: SeedTest | undefined;
  /** Sizes of the sets that its rows were looked up in when it was last scanned. */
  #seen = -1;

  constructor(contents: BackupContents, about: TableAbout) {
    const { dataset, facts, references, isFollowing, tests, room } = about;
    this.name = dataset.name;
    const newBits = () => dataset.partitions.map(() => new RowBits());
    this.bits = newBits();
    this.#followed = isFollowing ? newBits() : undefined;
    this.#tests = tests;
    const lists: KeyList[] = [];
    const placed = <T>(of: T, list: KeyList): Placed<T> => ({ of, list: lists.push(list) - 1 });
    this.#parents = [...new Set(references.map(({ parent }) => parent))].flatMap((parent) => {
      const list = parent.lists.get(facts);
      return list ? [placed(parent, list)] : [];
    });
    this.#references = references.flatMap((reference) =>
      reference.from === facts ? [placed(reference, reference.list)] : [],
    );
    this.#keys = new TableKeys(contents, { dataset, facts }, lists, room);
  }

  /** Whether rows may be chosen that are not yet. */
  get isOpen(): boolean {
    return this.#tests !== undefined || this.#lookedUp() > Math.max(0, this.#seen);
  }

  async scan(signal: AbortSignal): Promise<void> {
    if (!this.isOpen) return;
    this.#seen = this.#lookedUp();
    await this.#keys.scan((row) => this.#visit(row), signal);
    this.#tests = undefined;
  }

  #lookedUp(): number {
    const wanted = this.#parents.reduce((sum, { of }) => sum + of.wanted.size, 0);
    if (!this.#followed) return wanted;
    return this.#references.reduce((sum, { of }) => sum + of.parent.offered.size, wanted);
  }

  #visit(row: ScannedRow): void {
    const bits = this.bits[row.partition] as RowBits;
    const isTaken = bits.has(row.place);
    const followed = this.#followed?.[row.partition];
    if (followed && !followed.has(row.place) && (this.#isSeed(row) || this.#isChild(row))) {
      followed.add(row.place, row.bytes);
      this.#offer(row);
      if (!isTaken) this.#take(row, bits);
    } else if (!isTaken && ((!followed && this.#isSeed(row)) || this.#isParent(row))) this.#take(row, bits);
  }

  #take(row: ScannedRow, bits: RowBits): void {
    bits.add(row.place, row.bytes);
    for (const { of, list } of this.#references) {
      const key = row.keys[list] ?? 0;
      if (key !== 0) of.parent.wanted.add(key);
    }
  }

  /** To rows that refer to it. */
  #offer({ keys }: ScannedRow): void {
    for (const { of, list } of this.#parents) {
      const key = keys[list] ?? 0;
      if (key !== 0) of.offered.add(key);
    }
  }

  #isSeed({ record }: ScannedRow): boolean {
    if (!this.#tests || !record) return false;
    const { any, parse } = this.#tests;
    const fields = any.every((tests) => tests.length === 0) ? [] : parse(record);
    return any.some((tests) => tests.every((test) => test(fields)));
  }

  #isChild({ keys }: ScannedRow): boolean {
    return this.#references.some(
      ({ of, list }) => keys[list] !== 0 && of.parent.offered.has(keys[list] ?? 0),
    );
  }

  #isParent({ keys }: ScannedRow): boolean {
    return this.#parents.some(({ of, list }) => keys[list] !== 0 && of.wanted.has(keys[list] ?? 0));
  }
}
