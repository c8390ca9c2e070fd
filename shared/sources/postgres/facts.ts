import type { StoredDataset } from '../contents.ts';
import { insideParentheses, leadingName, listParts, namesMentioned } from '../sql-lists.ts';
import type { CheckFacts, FactsReader, TableFacts } from '../table-facts.ts';
import { isTableAttributes, type TableAttributes } from './datasets/attributes.ts';
import { copyCodec } from './facts/codec.ts';
import { columnFacts } from './facts/column-facts.ts';
import { checkOf, foreignKeyOf, nameOf, tableOf, uniqueKeyOf } from './facts/constraints.ts';
import { parseToc, type TocEntry } from './pg-dump/toc.ts';
import { readScript } from './restore/text.ts';
import { displayName } from './text/identifiers.ts';

/** What must hold of the rows of a backup, from the definitions that pg_dump wrote. */
export const readPostgresFacts: FactsReader = async (contents, signal) => {
  const entriesOf = async (role: 'pre-data' | 'post-data') =>
    parseToc(await readScript(contents, role, signal)).entries;
  const definitions = new Definitions(await entriesOf('pre-data'), await entriesOf('post-data'));
  const withRole = (...roles: readonly string[]) =>
    contents.datasets.filter(({ attributes }) => roles.includes(String(attributes['role'])));
  return {
    tables: withRole('table').flatMap((dataset) => definitions.factsOf(dataset)),
    leftOut: withRole('large-objects', 'large-object-data'),
    kept: withRole('sequences'),
  };
};

interface Domain {
  readonly base: string;
  readonly isNullable: boolean;
  readonly checks: readonly string[];
}

/** The definitions of a backup, by what they are about. */
class Definitions {
  readonly #created: ReadonlyMap<string, string>;
  /** The table that a partition belongs to, by names. */
  readonly #parents: ReadonlyMap<string, string>;
  readonly #post: ReadonlyMap<string, readonly TocEntry[]>;
  readonly #domains: ReadonlyMap<string, Domain>;
  /** Columns that get their numbers from a sequence by a statement of its own. */
  readonly #counted: ReadonlySet<string>;

  constructor(pre: readonly TocEntry[], post: readonly TocEntry[]) {
    const tables = pre.filter(({ type }) => type === 'TABLE');
    this.#created = new Map(tables.map(({ schema, name, sql }) => [displayName(schema, name), sql]));
    this.#parents = new Map(pre.filter(({ type }) => type === 'TABLE ATTACH').flatMap(parentOf));
    this.#domains = new Map(pre.filter(({ type }) => type === 'DOMAIN').map(domainOf));
    this.#counted = new Set(pre.flatMap(countedColumn));
    const byTable = Map.groupBy([...post, ...pre], (entry) => tableOf(entry) ?? '');
    this.#post = byTable;
  }

  factsOf(dataset: StoredDataset): readonly TableFacts[] {
    const { attributes } = dataset;
    if (!isTableAttributes(attributes)) return [];
    const own = displayName(attributes.schema, attributes.table);
    const line = this.#line(own);
    const lines = this.#linesOf(own);
    const columns = attributes.columns.map((column) => {
      const facts = columnFacts(column, lines.get(column.name) ?? '', { domains: this.#domains });
      return this.#counted.has(`${own}.${column.name}`) ? { ...facts, isCounted: true } : facts;
    });
    return [
      {
        dataset: dataset.name,
        table: line.at(-1) ?? own,
        columns,
        ...this.#constraints(line, attributes),
        isKnown: this.#created.has(own),
        codec: copyCodec(columns),
      },
    ];
  }

  /** The table, what it is a partition of, and so on. */
  #line(own: string): readonly string[] {
    const line = [own];
    for (let next = this.#parents.get(own); next !== undefined; next = this.#parents.get(next))
      line.push(next);
    return line;
  }

  /** By a column's name, what CREATE TABLE says of it. */
  #linesOf(table: string): ReadonlyMap<string, string> {
    const parts = listParts(insideParentheses(this.#created.get(table) ?? '', '"').inside, '"');
    return new Map(
      parts.map((part) => {
        const { name, rest } = leadingName(part, '"');
        return [name, rest];
      }),
    );
  }

  #constraints(line: readonly string[], { columns }: TableAttributes) {
    const names = columns.map(({ name }) => name);
    const entries = line.flatMap((table) => this.#post.get(table) ?? []);
    const texts = line.map((table) => this.#created.get(table) ?? '');
    const generated = generatedColumns(this.#linesOf(line[0] ?? ''), names);
    return {
      keys: entries.flatMap((entry) => uniqueKeyOf(entry, { names, generated }) ?? []),
      references: entries.flatMap((entry) => foreignKeyOf(entry) ?? []),
      checks: [
        ...texts.flatMap((sql) => checksOf(sql, names)),
        ...entries.flatMap(({ type, sql }) =>
          type === 'CHECK CONSTRAINT' ? (checkOf(sql.slice(sql.indexOf('CONSTRAINT')), names) ?? []) : [],
        ),
        ...columns.flatMap(({ name, type }) => this.#checksOfDomain(type, name)),
      ],
      partitionedBy: texts.flatMap((sql) => namesMentioned(partitionKey(sql), names, '"')),
    };
  }

  #checksOfDomain(type: string, column: string): readonly CheckFacts[] {
    const domain = this.#domains.get(type);
    if (!domain) return [];
    return [
      ...domain.checks.flatMap((check) => checkOf(check, [], column) ?? []),
      ...this.#checksOfDomain(domain.base, column),
    ];
  }
}

function generatedColumns(lines: ReadonlyMap<string, string>, names: readonly string[]) {
  const others = [...lines].filter(([name, text]) => !names.includes(name) && text.includes(' GENERATED '));
  return new Map(others.map(([name, text]) => [name, namesMentioned(text, names, '"')]));
}

function checksOf(sql: string, columns: readonly string[]): readonly CheckFacts[] {
  return listParts(insideParentheses(sql, '"').inside, '"').flatMap((line) => checkOf(line, columns) ?? []);
}

function partitionKey(sql: string): string {
  return /\)\s*PARTITION BY (?:RANGE|LIST|HASH) (.*)$/s.exec(sql)?.[1] ?? '';
}

function parentOf({ sql }: TocEntry): readonly (readonly [string, string])[] {
  const [, parent, child] = /ALTER TABLE (?:ONLY )?(.+?) ATTACH PARTITION (.+?) /s.exec(sql) ?? [];
  return parent === undefined || child === undefined ? [] : [[nameOf(child), nameOf(parent)]];
}

const DOMAIN = /^\s*CREATE DOMAIN (.*?) AS (.*?)(?=\s+(?:COLLATE|DEFAULT|NOT NULL|CONSTRAINT)\b|;)(.*?);/s;

function domainOf({ schema, name, sql }: TocEntry): readonly [string, Domain] {
  const [, , base = '', rest = ''] = DOMAIN.exec(sql) ?? [];
  const checks = rest.split(/(?=\bCONSTRAINT )/).filter((text) => text.startsWith('CONSTRAINT '));
  return [displayName(schema, name), { base, isNullable: !/\bNOT NULL\b/.test(rest), checks }];
}

/** Numbers come from a sequence: `ALTER COLUMN id SET DEFAULT nextval(…)`, or ADD GENERATED … AS IDENTITY. */
function countedColumn({ sql }: TocEntry): readonly string[] {
  const [, table = '', column = ''] =
    /ALTER TABLE (?:ONLY )?(.+?) ALTER COLUMN (.+?) (?:SET DEFAULT nextval\(|ADD GENERATED )/s.exec(sql) ??
    [];
  return table === '' ? [] : [`${nameOf(table)}.${leadingName(column, '"').name}`];
}
