import { HoldfastError } from '../../../core/errors.ts';
import { nearest } from '../../../core/nearest.ts';
import type { QueryTable } from './tables.ts';

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
      hint: 'Select or sort less, or give it more memory: --memory 4GiB. It puts nothing on a disk.',
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
  if (subtype === 'MISSING_ENTRY') return type === 'Table' ? name : undefined;
  if (subtype !== undefined || position === undefined) return undefined;
  // Its schema is not there either.
  const [, written, parenthesis] = NAME.exec(Buffer.from(sql).subarray(Number(position)).toString()) ?? [];
  return parenthesis === undefined ? written : undefined;
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
  const known = [
    ...new Set(tables.flatMap(({ path }) => [path[2], path.slice(1).join('.'), path.join('.')])),
  ];
  const meant = nearest(name, known);
  const like = meant ?? known.find((one) => one.includes(name) || name.includes(one));
  const some = tables.slice(0, 5).map(({ path }) => path.filter((part) => part !== 'main').join('.'));
  const hint = like ? `Did you mean ${like}?` : `There are ${some.join(', ') || 'none'}.`;
  return new HoldfastError('E_NO_DATASET', `no backup of this query has a dataset '${name}'`, {
    hint: place ? `${hint} ${place}` : hint,
  });
}
