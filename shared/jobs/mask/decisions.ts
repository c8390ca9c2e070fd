import type { ColumnFacts, ForeignKey, TableFacts } from '../../sources/table-facts.ts';
import { functionOf } from './functions.ts';
import type { MaskFunction } from './mask-function.ts';
import type { MaskRule, MaskRules } from './rules.ts';

/** A rule that stands for itself. */
export type OwnRule = Exclude<MaskRule, { readonly mask: 'follow' }>;

/** What was decided for a column. */
export interface Decision {
  readonly column: ColumnFacts;
  readonly place: number;
  /** `public.customers.email`. */
  readonly name: string;
  readonly rule: OwnRule;
  /** The column whose rule it has, as it refers to that one. */
  readonly follows: string | undefined;
  /** Undefined if the values stay as they are. */
  readonly function: MaskFunction | undefined;
  /** The column, with the limits of all columns that must have the same values. */
  readonly limits: ColumnFacts;
}

/** Decides for each column of some tables. */
export class Decisions {
  readonly #rules: MaskRules;
  /** By name, the facts of a column; a table that is partitioned has several. */
  readonly #facts = new Map<string, ColumnFacts>();
  /** By name of a column, the columns that it refers to, with the key. */
  readonly #refers = new Map<string, readonly Reference[]>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #functions = new Map<OwnRule, MaskFunction>();

  constructor(tables: readonly TableFacts[], rules: MaskRules) {
    this.#rules = rules;
    const roots = new Map(tables.map(({ dataset, table }) => [dataset, table]));
    for (const facts of tables) {
      for (const column of facts.columns) this.#facts.set(columnName(facts.table, column.name), column);
      for (const key of facts.references) this.#addKey(facts.table, key, roots);
    }
    for (const [from, references] of this.#refers)
      for (const { to } of references) if (this.ruleOf(from)?.rule.mask !== 'null') this.#join(from, to);
  }

  /** Of a column by its name, and of which column it is; undefined if there is none. */
  ruleOf(
    name: string,
    seen: readonly string[] = [],
  ): { readonly rule: OwnRule; readonly from: string } | undefined {
    const rule = this.#written(name);
    if (rule && rule.mask !== 'follow') return { rule, from: name };
    for (const { to } of this.#refers.get(name) ?? []) {
      const found = seen.includes(to) ? undefined : this.ruleOf(to, [...seen, name]);
      if (found) return found;
    }
    return undefined;
  }

  /** Undefined if no rule is there for the column. */
  of({ table }: TableFacts, column: ColumnFacts, place: number): Decision | undefined {
    const name = columnName(table, column.name);
    const found = this.ruleOf(name);
    if (!found) return undefined;
    const { rule, from } = found;
    return {
      column,
      place,
      name,
      rule,
      follows: from === name ? undefined : from,
      function: rule.mask === 'keep' ? undefined : this.#functionOf(rule),
      limits: this.#limits(name, column),
    };
  }

  /** What is wrong between columns that refer to each other. */
  problems(): readonly string[] {
    return [...this.#refers].flatMap(([from, references]) =>
      references.flatMap((reference) => this.#problemsOf(from, reference).map(shownName)),
    );
  }

  #problemsOf(from: string, { to, key }: Reference): readonly string[] {
    const [own, other] = [this.ruleOf(from)?.rule, this.ruleOf(to)?.rule];
    if (!own || !other) return [];
    if (own.mask === 'null') return key.isFull ? [`${from} cannot be null: ${key.name} is MATCH FULL`] : [];
    if (!isSame(own, other))
      return [
        `${from} refers to ${to} (${key.name}): ${own.mask} and ${other.mask} would break the reference`,
      ];
    if (other.mask === 'keep') return [];
    if ('when' in other && (other.when || other.unless))
      return [`${to} is referred to by ${from} (${key.name}): its rule can have no condition`];
    if (!this.#functionOf(other).isByValue)
      return [
        `${to} is referred to by ${from} (${key.name}): ${other.mask} does not keep equal values equal`,
      ];
    const kinds = [this.#facts.get(from)?.kind, this.#facts.get(to)?.kind];
    if (kinds[0] !== kinds[1])
      return [`${from} and ${to} (${key.name}) are of different types: they can only be kept`];
    return [];
  }

  #written(name: string): MaskRule | undefined {
    const { table, column } = nameParts(name);
    const columns = Object.hasOwn(this.#rules.tables, table) ? this.#rules.tables[table] : undefined;
    return columns && Object.hasOwn(columns, column) ? columns[column] : undefined;
  }

  #functionOf(rule: Exclude<OwnRule, { readonly mask: 'keep' }>): MaskFunction {
    const made = this.#functions.get(rule) ?? functionOf(rule);
    this.#functions.set(rule, made);
    return made;
  }

  #addKey(table: string, key: ForeignKey, roots: ReadonlyMap<string, string>): void {
    const { table: referred } = key;
    if (referred === undefined) return;
    for (const [i, column] of key.columns.entries()) {
      const from = columnName(table, column);
      const to = columnName(roots.get(referred) ?? referred, key.to[i] ?? '');
      const known = this.#refers.get(from) ?? [];
      if (from !== to && !known.some((one) => one.to === to)) this.#refers.set(from, [...known, { to, key }]);
    }
  }

  #join(one: string, other: string): void {
    const all = new Set([one, other, ...(this.#groups.get(one) ?? []), ...(this.#groups.get(other) ?? [])]);
    for (const name of all) this.#groups.set(name, all);
  }

  /** The narrowest of the columns that must have the same values. */
  #limits(name: string, column: ColumnFacts): ColumnFacts {
    const all = [...(this.#groups.get(name) ?? [])].flatMap((one) => this.#facts.get(one) ?? []);
    const facts = [column, ...all];
    const least = (numbers: readonly (number | undefined)[]) => {
      const known = numbers.filter((number) => number !== undefined);
      return known.length === 0 ? undefined : Math.min(...known);
    };
    const most = least(facts.map((one) => one.most));
    const bits = least(facts.map((one) => one.bits));
    return {
      ...column,
      most,
      ...(bits === undefined ? {} : { bits }),
      isCaseless: facts.some((one) => one.isCaseless),
      isPadded: facts.some((one) => one.isPadded),
    };
  }
}

interface Reference {
  readonly to: string;
  readonly key: ForeignKey;
}

const BETWEEN = '\0';

/** A column of a table, as `Decisions` names it. */
export function columnName(table: string, column: string): string {
  return `${table}${BETWEEN}${column}`;
}

/** For people, `public.customers.email`; and texts that name such columns. */
export function shownName(name: string): string {
  return name.replaceAll(BETWEEN, '.');
}

function nameParts(name: string): { readonly table: string; readonly column: string } {
  const [table = '', column = ''] = name.split(BETWEEN);
  return { table, column };
}

function isSame(one: OwnRule, other: OwnRule): boolean {
  const text = (rule: OwnRule) =>
    JSON.stringify(
      Object.entries(rule)
        .filter(([name]) => name !== 'because')
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  return text(one) === text(other);
}
