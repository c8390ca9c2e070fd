import type { FieldTest } from '../wanted-keys.ts';

/** A comparison of a column with constants. */
export interface ColumnComparison extends Pick<FieldTest, 'operator' | 'values'> {
  readonly column: string;
  /** The constants are texts, else whole numbers. */
  readonly isText: boolean;
}

/** A place of a statement that names a table. */
export interface NamedTable {
  /** Without its schema. */
  readonly name: string;
  /** They hold of each of its rows that the statement goes on with. */
  readonly comparisons: readonly (ColumnComparison & {
    /** What the statement calls the table, if it says that. */
    readonly qualifier: string | undefined;
  })[];
  /** What the table is called in the conditions. */
  readonly alias: string;
}

type Tree = Readonly<Record<string, unknown>>;

/** What rows come from; these alone take no rows of a table but by its name. */
const KNOWN: readonly unknown[] = [
  'SELECT_NODE',
  'BASE_TABLE',
  'SUBQUERY',
  'JOIN',
  'EMPTY',
  'EXPRESSION_LIST',
];
/** Numbers of more than 15 digits would be read as others. In a text, quotes have a backslash before them. */
const WHOLE_NUMBER = /"value":(-?\d+)(?=[,}])/g;

/**
 * Finds the tables of a statement, and the conditions that stand right behind each: `FROM orders WHERE id = 42`. What SQL does later
 * never sees a row for which these do not hold. Of a table in a join nothing is said, nor of conditions that are not understood.
 *
 * @param syntax what `json_serialize_sql` gives
 * @returns the places that name one; undefined if tables may be read in a way that is not known
 */
export function statementTables(syntax: string): readonly NamedTable[] | undefined {
  const tree: unknown = JSON.parse(syntax.replaceAll(WHOLE_NUMBER, '"value":"$1"'));
  if (!isTree(tree) || tree['error'] !== false) return undefined;
  const found = new Finder();
  found.look(tree['statements'], []);
  return found.isKnown ? found.tables : undefined;
}

class Finder {
  readonly tables: NamedTable[] = [];
  isKnown = true;

  look(at: unknown, comparisons: NamedTable['comparisons']): void {
    if (Array.isArray(at)) for (const one of at) this.look(one, []);
    if (!isTree(at)) return;
    const { type, sample } = at;
    // All that rows come from has this member.
    if (sample !== undefined && !KNOWN.includes(type)) this.isKnown = false;
    if (type === 'BASE_TABLE') this.tables.push(namedTable(at, comparisons));
    const where = type === 'SELECT_NODE' && sample === null ? comparisonsIn(at['where_clause']) : [];
    for (const [name, child] of Object.entries(at)) this.look(child, name === 'from_table' ? where : []);
  }
}

function namedTable(
  { table_name: name, alias, sample, at_clause: moment, column_name_alias: columns }: Tree,
  comparisons: NamedTable['comparisons'],
): NamedTable {
  const isPlain = sample === null && !moment && Array.isArray(columns) && columns.length === 0;
  return {
    name: String(name),
    alias: typeof alias === 'string' && alias !== '' ? alias : String(name),
    comparisons: isPlain ? comparisons : [],
  };
}

/** Those that must hold for the whole to hold. */
function comparisonsIn(condition: unknown): NamedTable['comparisons'] {
  if (!isTree(condition)) return [];
  const { class: kind, type, children, left, right, input, lower, upper } = condition;
  if (type === 'CONJUNCTION_AND' && Array.isArray(children)) return children.flatMap(comparisonsIn);
  if (type === 'COMPARE_IN' && Array.isArray(children)) {
    const [column, ...constants] = children;
    return comparison(column, '=', constants);
  }
  // All three are compared as what the three have in common.
  if (kind === 'BETWEEN' && type === 'COMPARE_BETWEEN')
    return comparison(input, '=', [lower, upper]).flatMap((both) => [
      { ...both, operator: '>=' as const, values: both.values.slice(0, 1) },
      { ...both, operator: '<=' as const, values: both.values.slice(1) },
    ]);
  const [operator, turned] = OPERATORS[String(type)] ?? [];
  if (kind !== 'COMPARISON' || !operator || !turned) return [];
  return [...comparison(left, operator, [right]), ...comparison(right, turned, [left])];
}

/** With the constant on the right, and on the left. */
const OPERATORS: Readonly<Record<string, readonly [FieldTest['operator'], FieldTest['operator']]>> = {
  COMPARE_EQUAL: ['=', '='],
  COMPARE_LESSTHAN: ['<', '>'],
  COMPARE_LESSTHANOREQUALTO: ['<=', '>='],
  COMPARE_GREATERTHAN: ['>', '<'],
  COMPARE_GREATERTHANOREQUALTO: ['>=', '<='],
};

/** None if it is not of a column, or one of the others is no constant of the same kind. */
function comparison(
  left: unknown,
  operator: FieldTest['operator'],
  others: readonly unknown[],
): NamedTable['comparisons'] {
  const names = isTree(left) && left['type'] === 'COLUMN_REF' ? left['column_names'] : undefined;
  if (!Array.isArray(names) || names.length < 1 || names.length > 2) return [];
  const column = String(names.at(-1));
  const qualifier = names.length === 2 ? String(names[0]) : undefined;
  const constants = others.map(constantIn);
  const [first] = constants;
  const isText = first?.isText ?? false;
  const values = constants.flatMap((one) => (one && one.isText === isText ? [one.value] : []));
  return first && values.length === constants.length ? [{ column, qualifier, operator, values, isText }] : [];
}

const WHOLE_TYPES: readonly unknown[] = ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'];

/** A text, or a whole number of up to 8 bytes. */
function constantIn(tree: unknown): { readonly value: string; readonly isText: boolean } | undefined {
  const constant = isTree(tree) && tree['type'] === 'VALUE_CONSTANT' ? tree['value'] : undefined;
  if (!isTree(constant) || constant['is_null'] !== false || !isTree(constant['type'])) return undefined;
  const { value } = constant;
  const { id } = constant['type'];
  if (typeof value !== 'string') return undefined;
  if (id === 'VARCHAR') return { value, isText: true };
  return WHOLE_TYPES.includes(id) && /^-?\d+$/.test(value) ? { value, isText: false } : undefined;
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
