import type { ColumnFacts, FactsOfTables, TableFacts } from '../../../sources/table-facts.ts';
import type { KeySet } from './key-set.ts';
import { parseReference, type WrittenReference } from './subset-choice.ts';
import type { KeyForm, KeyList } from './table-keys.ts';

/** Columns of a table, or of the partitions of one, that others refer to. */
export interface ParentKey {
  /** The same columns of each of its partitions. */
  readonly lists: ReadonlyMap<TableFacts, KeyList>;
  /** Keys that chosen rows refer to. */
  readonly wanted: KeySet;
  /** Keys of rows whose children come along. */
  readonly offered: KeySet;
}

/** Columns of a table that refer to a key. */
export interface Reference {
  readonly from: TableFacts;
  readonly list: KeyList;
  readonly parent: ParentKey;
}

interface Named {
  readonly name: string;
  readonly from: TableFacts;
  readonly columns: readonly string[];
  readonly table: string;
  readonly to: readonly string[];
}

/** All references between tables: the foreign keys, and those that somebody wrote. @throws E_USAGE, E_NO_DATASET */
export function referencesOf(
  facts: FactsOfTables,
  written: readonly string[],
  newSet: () => KeySet,
): { readonly references: readonly Reference[]; readonly warnings: readonly string[] } {
  const all = [
    ...facts.tables.flatMap(foreignKeys),
    ...written.flatMap((text) => onePerTable(parseReference(text, facts))),
  ];
  const warnings: string[] = [];
  const references: Reference[] = [];
  for (const group of Map.groupBy(all, ({ table, to }) => JSON.stringify([table, to])).values()) {
    const [{ table, to } = { table: '', to: [] }] = group;
    const parents = facts.tables.filter((one) => one.table === table || one.dataset === table);
    if (parents.length === 0)
      warnings.push(
        ...group.map(
          ({ name, from }) => `${name} of ${from.table} refers to ${table}, which is not in the backup`,
        ),
      );
    else references.push(...linked(group, { parents, to, newSet }));
  }
  return { references, warnings };
}

function foreignKeys(from: TableFacts): readonly Named[] {
  return from.references.flatMap(({ name, columns, table, to }) =>
    table === undefined ? [] : [{ name, from, columns, table, to }],
  );
}

function onePerTable({ from, ...rest }: WrittenReference): readonly Named[] {
  return from.map((table) => ({ ...rest, from: table }));
}

/** References to one key. Columns that are not stored, as they are generated, are left out on both sides: more rows fit then. */
function linked(
  group: readonly Named[],
  {
    parents,
    to,
    newSet,
  }: {
    readonly parents: readonly TableFacts[];
    readonly to: readonly string[];
    readonly newSet: () => KeySet;
  },
): readonly Reference[] {
  const ends = [
    ...parents.map((facts) => ({ facts, names: to })),
    ...group.map(({ from: facts, columns: names }) => ({ facts, names })),
  ];
  const stored = to.flatMap((_, i) => {
    const columns = ends.map(({ facts, names }) => facts.columns.find(({ name }) => name === names[i]));
    return columns.every((column) => column !== undefined) ? [{ i, form: formOf(columns) }] : [];
  });
  const listOf = (facts: TableFacts, names: readonly string[]): KeyList => ({
    places: stored.map(({ i }) => facts.columns.findIndex(({ name }) => name === names[i])),
    forms: stored.map(({ form }) => form),
  });
  const parent = {
    lists: new Map(parents.map((facts) => [facts, listOf(facts, to)])),
    wanted: newSet(),
    offered: newSet(),
  };
  return group.map(({ from, columns }) => ({ from, list: listOf(from, columns), parent }));
}

const NUMBERS: readonly string[] = ['integer', 'decimal', 'float'] satisfies readonly ColumnFacts['kind'][];

/** Such that values that are equal to the database are alike, whichever of the columns they are in. */
function formOf(columns: readonly ColumnFacts[]): KeyForm {
  return {
    isNumber: columns.every(({ kind }) => NUMBERS.includes(kind)),
    isTrimmed: columns.some(({ isPadded }) => isPadded),
    isCaseless: columns.some(({ kind, isCaseless }) => kind === 'text' && isCaseless),
  };
}
