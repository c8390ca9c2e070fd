import { HoldfastError } from '../../../core/errors.ts';
import { nearest } from '../../../core/nearest.ts';
import { MAIN, type QueryTable } from './tables.ts';

/** An error as DuckDB writes it with `errors_as_json`. */
interface DuckdbError {
  readonly exception_type?: string;
  readonly exception_message?: string;
  readonly error_subtype?: string;
  /** Bytes before the place of the statement that is wrong. */
  readonly position?: string;
  readonly name?: string;
  readonly type?: string;
  readonly candidates?: string;
}

/** What of a statement is wrong, in DuckDB's words, and where. */
export function queryError(
  error: unknown,
  {
    sql,
    tables,
    notes,
  }: { readonly sql: string; readonly tables: readonly QueryTable[]; readonly notes: readonly string[] },
): HoldfastError {
  const text = error instanceof Error ? error.message : String(error);
  const found = parse(text);
  if (!found) return new HoldfastError('E_USAGE', `DuckDB: ${text}`, { cause: error, hint: HINT });
  const { exception_type: type = '', exception_message: said = '', position } = found;
  const place = position === undefined ? undefined : placeIn(sql, Number(position));
  const missing = type === 'Catalog' ? missingName(found, sql) : undefined;
  if (missing !== undefined) return missingTable(missing, tables, place);
  if (type === 'Out of Memory')
    return new HoldfastError('E_USAGE', `DuckDB: ${firstLine(said)}`, {
      cause: error,
      hint: 'Select or sort less, or give it more memory: --memory 4GiB. Queries use no disk.',
    });
  return new HoldfastError('E_USAGE', `DuckDB: ${type} Error: ${said.trim()}`, {
    cause: error,
    hint: [place ?? HINT, ...(type === 'Binder' ? notes : [])].join('\n'),
  });
}

/** A name as a statement has it, and what follows it. */
const NAME = /^((?:"(?:[^"]|"")*"|[\p{L}\d_$.])+)\s*(\()?/u;

/** Of the table that is not there, if that is what is wrong. */
function missingName(
  { error_subtype: subtype, type, name, position }: DuckdbError,
  sql: string,
): string | undefined {
  const rest = position === undefined ? '' : Buffer.from(sql).subarray(Number(position)).toString();
  const [, written, parenthesis] = NAME.exec(rest) ?? [];
  if (subtype === 'MISSING_ENTRY' && type === 'Table') return written ?? name;
  // Its schema is not there either.
  return subtype === undefined && parenthesis === undefined ? written : undefined;
}

const HINT = 'The SQL is that of DuckDB: https://duckdb.org/docs/stable/sql/introduction';

function parse(text: string): DuckdbError | undefined {
  try {
    const found: unknown = JSON.parse(text.slice(text.indexOf('{')));
    return typeof found === 'object' && found !== null ? found : undefined;
  } catch {
    return undefined;
  }
}

const firstLine = (text: string) => text.trim().split('\n')[0] ?? '';

/** `At line 2, column 8: from ordes`. */
function placeIn(sql: string, position: number): string | undefined {
  const before = Buffer.from(sql).subarray(0, position).toString();
  const line = before.split('\n').length;
  const column = before.length - (before.lastIndexOf('\n') + 1);
  const text = sql
    .split('\n')
    [line - 1]?.slice(column, column + 60)
    .trim();
  return text ? `At line ${line}, column ${column + 1}: ${text}` : undefined;
}

function missingTable(name: string, tables: readonly QueryTable[], place: string | undefined): HoldfastError {
  const { message, hint } = elsewhere(name, tables) ?? unknownTable(name, tables);
  return new HoldfastError('E_NO_DATASET', message, { hint: place ? `${hint} ${place}` : hint });
}

const shown = ({ path }: QueryTable) => path.filter((part) => part !== MAIN).join('.');

/** Another backup of the query has it, or it has to be named in full. */
function elsewhere(name: string, tables: readonly QueryTable[]) {
  const last = /(?:"((?:[^"]|"")*)"|([^".]+))$/.exec(name);
  const bare = (last?.[1]?.replaceAll('""', '"') ?? last?.[2] ?? name).toLowerCase();
  const having = tables.filter(({ path }) => path[2].toLowerCase() === bare);
  if (having.length === 0) return undefined;
  const [all, some] = [tables, having].map((of) => new Set(of.map(({ path }) => path[0])));
  const names = having.slice(0, 5).map(shown).join(', ');
  const isInAll = all?.size === some?.size;
  return {
    message: `no dataset of this query is called '${name}'`,
    hint: isInAll ? `Its name here is ${names}.` : `Only ${[...(some ?? [])].join(', ')} has one: ${names}.`,
  };
}

function unknownTable(name: string, tables: readonly QueryTable[]) {
  const known = [
    ...new Set(tables.flatMap(({ path }) => [path[2], path.slice(1).join('.'), path.join('.')])),
  ];
  const meant = nearest(name, known);
  const like = meant ?? known.find((one) => one.includes(name) || name.includes(one));
  const some = tables.slice(0, 5).map(shown);
  return {
    message: `no backup of this query has a dataset '${name}'`,
    hint: like ? `Did you mean ${like}?` : `There are ${some.join(', ') || 'none'}.`,
  };
}
