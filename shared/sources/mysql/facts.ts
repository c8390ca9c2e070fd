import type { StoredDataset } from '../contents.ts';
import { insideParentheses, leadingName, listParts, namesMentioned, unquotedName } from '../sql-lists.ts';
import type { CheckFacts, FactsReader, ForeignKey, KeyPart, TableFacts, UniqueKey } from '../table-facts.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { loadDataCodec } from './facts/codec.ts';
import { columnFacts } from './facts/column-facts.ts';
import { foreignKeyIn } from './facts/foreign-keys.ts';
import { readStoredSchema } from './schema/stored.ts';

/** What must hold of the rows of a backup, from the definitions that SHOW CREATE TABLE gave. */
export const readMysqlFacts: FactsReader = async (contents, signal) => {
  const objects = await readStoredSchema(contents, signal);
  const created = new Map(
    objects.flatMap(({ type, name, sql }) => (type === 'table' ? [[name, sql] as const] : [])),
  );
  const data = contents.datasets.filter(({ kind }) => kind === 'data');
  return { tables: data.flatMap((dataset) => factsOf(dataset, created)), leftOut: [], kept: [] };
};

function factsOf(dataset: StoredDataset, created: ReadonlyMap<string, string>): readonly TableFacts[] {
  const { attributes } = dataset;
  if (!isTableAttributes(attributes)) return [];
  const sql = created.get(attributes.table) ?? '';
  const { inside, end } = insideParentheses(sql, '`');
  const lines = listParts(inside, '`');
  const options = sql.slice(end);
  const definitions = new Map(
    lines.flatMap((line) => {
      if (!line.startsWith('`')) return [];
      const { name, rest } = leadingName(line, '`');
      return [[name, rest] as const];
    }),
  );
  const names = attributes.columns.map(({ name }) => name);
  const collation = /\bCOLLATE=(\w+)/.exec(options)?.[1] ?? '';
  const columns = attributes.columns.map((column) =>
    columnFacts(column, definitions.get(column.name) ?? '', collation),
  );
  const about = { names, generated: generatedColumns(definitions, names) };
  return [
    {
      dataset: dataset.name,
      table: dataset.name,
      columns,
      keys: lines.flatMap((line) => uniqueKey(line, about)),
      references: lines.flatMap(foreignKey),
      checks: [...lines.flatMap((line) => tableCheck(line, names)), ...columnChecks(definitions, names)],
      partitionedBy: namesMentioned(
        /\bPARTITION BY\b(.*)$/s.exec(options)?.[1]?.split('\n')[0] ?? '',
        names,
        '`',
      ),
      isKnown: sql !== '',
      codec: loadDataCodec(attributes.columns, columns),
    },
  ];
}

interface About {
  readonly names: readonly string[];
  /** Of a generated column, the columns that it is computed from. */
  readonly generated: ReadonlyMap<string, readonly string[]>;
}

const GENERATED = /\b(?:GENERATED ALWAYS )?AS \(/i;

function generatedColumns(
  definitions: ReadonlyMap<string, string>,
  names: readonly string[],
): ReadonlyMap<string, readonly string[]> {
  const generated = [...definitions].filter(([name, text]) => !names.includes(name) && GENERATED.test(text));
  return new Map(
    generated.map(([name, text]) => {
      const { inside } = insideParentheses(text, '`', text.search(GENERATED));
      return [name, namesMentioned(inside, names, '`')];
    }),
  );
}

function uniqueKey(line: string, about: About): readonly UniqueKey[] {
  const [, kind, rest = ''] = /^(PRIMARY KEY|UNIQUE KEY)(.*)$/s.exec(line) ?? [];
  if (kind === undefined) return [];
  const isPrimary = kind === 'PRIMARY KEY';
  const name = isPrimary ? 'PRIMARY' : leadingName(rest, '`').name;
  const list = insideParentheses(isPrimary ? rest : leadingName(rest, '`').rest, '`').inside;
  return [{ name, isPrimary, parts: listParts(list, '`').flatMap((part) => partsOf(part, about)) }];
}

function partsOf(part: string, { names, generated }: About): readonly KeyPart[] {
  if (!part.startsWith('`'))
    return namesMentioned(part, names, '`').map((column) => ({ column, use: 'expression' }));
  const { name, rest } = leadingName(part, '`');
  const from = generated.get(name);
  if (from) return from.map((column) => ({ column, use: 'expression' }));
  const [, characters] = /^\((\d+)\)/.exec(rest) ?? [];
  return [
    { column: name, use: 'plain', characters: characters === undefined ? undefined : Number(characters) },
  ];
}

function foreignKey(line: string): readonly ForeignKey[] {
  return foreignKeyIn(line).map(({ actions: _, ...key }) => key);
}

function tableCheck(line: string, names: readonly string[]): readonly CheckFacts[] {
  const [, name, rest = ''] = /^CONSTRAINT (`(?:[^`]|``)*`) CHECK (\(.*)$/s.exec(line) ?? [];
  return name === undefined ? [] : [checkOf(unquotedName(name, '`'), rest, names)];
}

/** MariaDB writes a column's own condition behind it. */
function columnChecks(
  definitions: ReadonlyMap<string, string>,
  names: readonly string[],
): readonly CheckFacts[] {
  return [...definitions].flatMap(([name, text]) => {
    const at = text.search(/\bCHECK \(/);
    return at < 0 ? [] : [checkOf(name, text.slice(at), names)];
  });
}

function checkOf(name: string, text: string, names: readonly string[]): CheckFacts {
  const sql = insideParentheses(text, '`').inside;
  return { name, sql, columns: namesMentioned(sql, names, '`') };
}
