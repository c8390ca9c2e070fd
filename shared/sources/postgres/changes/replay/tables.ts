import type pg from 'pg';
import { HoldfastError } from '../../../../core/errors.ts';
import { displayName } from '../../text/identifiers.ts';
import type { Message, Relation } from '../messages.ts';
import { type Followed, followRelation } from './follow.ts';
import { CountedRows, KeyedRows } from './pending-rows.ts';
import type { TargetColumn, TargetKey, TargetTable } from './target-table.ts';
import { writeCounted } from './write-counted.ts';
import { type KeyedTable, type WrittenTable, writeKeyed } from './write-keyed.ts';

/** A change of one row, as the stream has it. */
export type RowMessage = Extract<Message, { kind: 'insert' | 'update' | 'delete' }>;

/** A table that takes changes. */
interface TableWriter {
  readonly place: string;
  take(message: RowMessage): void;
  /** Forgets what waits. */
  clear(): void;
  /** Takes what waits, and gives what writes it. */
  drain(): Write;
}

/** Writes rows that were taken. */
type Write = (client: pg.Client, signal: AbortSignal) => Promise<void>;

/** How a relation of the stream is written: not at all if the target has no such table, or it was not restored. */
interface Bound {
  readonly relation: Relation;
  readonly writer: TableWriter | undefined;
}

/** The tables of the target, by the relations of the stream. */
export class ReplayTables {
  readonly #wanted: ReadonlySet<string> | undefined;
  readonly #relations = new Map<number, Relation>();
  readonly #types = new Map<number, { readonly schema: string; readonly name: string }>();
  readonly #bound = new Map<number, Bound>();
  readonly #warn: (message: string) => void;

  /** @param wanted names of datasets; undefined for all */
  constructor(wanted: readonly string[] | undefined, warn: (message: string) => void) {
    this.#wanted = wanted && new Set(wanted);
    this.#warn = warn;
  }

  /** What it says counts from the next change on. */
  describe(message: Extract<Message, { kind: 'relation' | 'type' }>): void {
    if (message.kind === 'type') this.#types.set(message.id, message);
    else this.#relations.set(message.relation.id, message.relation);
  }

  /** Whether a change of that relation is taken without a look at the target. */
  knows(id: number): boolean {
    const bound = this.#bound.get(id);
    return bound !== undefined && bound.relation === this.#relations.get(id);
  }

  /** @throws E_DAMAGED, E_SOURCE_*, E_ABORTED */
  async take(client: pg.Client, message: RowMessage, signal: AbortSignal): Promise<void> {
    const id = message.relationId;
    // Usually nothing has to be waited for.
    const writer = this.knows(id) ? this.#bound.get(id)?.writer : await this.#bind(client, id, signal);
    writer?.take(message);
  }

  /** @returns places of those that are there, quoted */
  async truncated(
    client: pg.Client,
    relationIds: readonly number[],
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const places: string[] = [];
    for (const id of relationIds) {
      const writer = await this.#bind(client, id, signal);
      writer?.clear();
      if (writer) places.push(writer.place);
    }
    return places;
  }

  /** Takes all that waits, and gives what writes it; that throws E_RESTORE_DIFFERS, E_SOURCE_*, E_ABORTED. */
  drain(): Write {
    const writes = [...this.#bound.values()].flatMap(({ writer }) => (writer ? [writer.drain()] : []));
    return async (client, signal) => {
      for (const write of writes) await write(client, signal);
    };
  }

  /** What waits, and what was made of the tables, was not committed. */
  forget(): void {
    this.#bound.clear();
  }

  async #bind(client: pg.Client, id: number, signal: AbortSignal): Promise<TableWriter | undefined> {
    const relation = this.#relations.get(id);
    if (!relation)
      throw new HoldfastError(
        'E_DAMAGED',
        `the stream has a change of a table that it does not describe: ${id}`,
      );
    const before = this.#bound.get(id);
    if (before && isSame(before.relation, relation)) {
      this.#bound.set(id, { ...before, relation });
      return before.writer;
    }
    await before?.writer?.drain()(client, signal);
    const writer = await this.#open(client, relation, signal);
    this.#bound.set(id, { relation, writer });
    return writer;
  }

  async #open(client: pg.Client, relation: Relation, signal: AbortSignal): Promise<TableWriter | undefined> {
    const name = displayName(relation.schema, relation.table);
    if (this.#wanted && !this.#wanted.has(name)) return undefined;
    const { table, warnings }: Followed = await followRelation(client, relation, this.#types, signal);
    for (const warning of warnings) this.#warn(warning);
    if (!table) {
      this.#warn(`Changes of ${name} were left out: the backup has no such table.`);
      return undefined;
    }
    return writerOf(relation, table);
  }
}

function isSame(a: Relation, b: Relation): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function writerOf(relation: Relation, table: TargetTable): TableWriter {
  const columns = relation.columns.map(({ name }) => writable(table, name));
  const written: WrittenTable = { place: table.place, name: table.name, columns };
  const key = keyOf(relation, table);
  if (!key) return countedWriter(written);
  const places = key.columns.map((name) => relation.columns.findIndex((column) => column.name === name));
  return keyedWriter({ ...written, key, places }, relation.identity === 'f');
}

function writable({ columns }: TargetTable, name: string): TargetColumn | undefined {
  const column = columns.find((one) => one.name === name);
  return column?.isGenerated ? undefined : column;
}

/** What finds a row: undefined if only all of it does. */
function keyOf(relation: Relation, table: TargetTable): TargetKey | undefined {
  const has = (name: string) =>
    relation.columns.some((column) => column.name === name) && writable(table, name);
  const usable = table.keys.filter(({ columns }) => columns.every(has));
  if (relation.identity === 'f') return usable[0];
  const named = relation.columns.filter(({ isKey }) => isKey).map(({ name }) => name);
  if (named.length === 0) return undefined;
  const found = usable.find(
    ({ columns }) => columns.length === named.length && columns.every((one) => named.includes(one)),
  );
  // Without that index in the target, it takes longer.
  return found ?? { columns: named, equals: named.map(() => 'OPERATOR(pg_catalog.=)') };
}

function keyedWriter(table: KeyedTable, isWhole: boolean): TableWriter {
  const rows = new KeyedRows(table.name, table.places);
  return {
    place: table.place,
    take: (message) => {
      if (message.kind === 'insert') rows.insert(message.after);
      else if (message.kind === 'update') rows.update(message.before, message.after, isWhole);
      else rows.delete(message.before);
    },
    clear: () => rows.clear(),
    drain: () => {
      const taken = rows.take();
      return (client, signal) => writeKeyed(client, table, taken, signal);
    },
  };
}

function countedWriter(table: WrittenTable): TableWriter {
  const rows = new CountedRows();
  return {
    place: table.place,
    take: (message) => {
      if (message.kind === 'insert') rows.insert(message.after);
      else if (message.kind === 'update') rows.update(message.before, message.after);
      else rows.delete(message.before);
    },
    clear: () => rows.clear(),
    drain: () => {
      const taken = rows.take();
      return (client, signal) => writeCounted(client, table, taken, signal);
    },
  };
}
