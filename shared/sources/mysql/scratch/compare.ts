import type { SchemaComparison } from '../../scratch.ts';
import { forDatabase, withoutDefiner, withoutEvent } from '../restore/schema.ts';
import { objectName, type SchemaObject } from '../schema/objects.ts';
import { MARK } from './leftovers.ts';

/** The schema of one side. */
export interface SchemaSide {
  readonly objects: readonly SchemaObject[];
  /** Product and version, such as `MariaDB 10.11.6`. */
  readonly server: string;
}

export interface SchemaCompareOptions {
  /** Definers were not restored. */
  readonly withoutDefiners: boolean;
  /** Of the target. */
  readonly database: string;
  /** Its server writes names of tables in small letters. */
  readonly isCaseless: boolean;
}

/**
 * Compares two schemas object by object. Servers of different versions write the same object differently: between
 * those, if texts differ, every object must be there by its name, and that is all that is said.
 */
export function compareSchemas(
  backup: SchemaSide,
  target: SchemaSide,
  { withoutDefiners, database, isCaseless }: SchemaCompareOptions,
): SchemaComparison {
  const plain = (object: SchemaObject) => (isCaseless ? inSmallLetters(object) : object);
  const define = (object: SchemaObject) => definition(object, withoutDefiners);
  const restorable = backup.objects.filter(({ broken }) => broken === undefined);
  const wanted = byName(forDatabase(restorable, database).map(plain), define);
  const found = byName(
    target.objects.filter(({ type, name }) => type !== 'procedure' || name !== MARK).map(plain),
    define,
  );
  const missing = [...wanted.keys()].filter((name) => !found.has(name));
  const unexpected = [...found.keys()].filter((name) => !wanted.has(name));
  const changed = [...wanted].filter(([name, text]) => found.has(name) && found.get(name) !== text);
  const difference = {
    objects: wanted.size,
    missing,
    unexpected,
    changed: changed.map(([name]) => name),
  };
  if (missing.length + unexpected.length + changed.length === 0) return { outcome: 'equal', ...difference };
  if (releaseOf(backup.server) === releaseOf(target.server) || missing.length > 0)
    return { outcome: 'different', ...difference };
  const why = `${backup.server} and ${target.server} write definitions differently: objects were compared by name only`;
  return { outcome: 'names', why, ...difference };
}

function byName(
  objects: readonly SchemaObject[],
  define: (object: SchemaObject) => string,
): ReadonlyMap<string, string> {
  return new Map(objects.map((object) => [objectName(object).trim(), define(object)]));
}

/** Names in small letters; what else a definition says, such as texts, as it is. */
function inSmallLetters({ name, sql, ...rest }: SchemaObject): SchemaObject {
  const pieces = /'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`/g;
  return {
    ...rest,
    name: name.toLowerCase(),
    ...(rest.table === undefined ? {} : { table: rest.table.toLowerCase() }),
    sql: sql.replaceAll(pieces, (piece) => (piece.startsWith('`') ? piece.toLowerCase() : piece)),
  };
}

/** Events are turned off in a drill. */
function definition(object: SchemaObject, withoutDefiners: boolean): string {
  const { broken: _, sql, ...rest } = object;
  const owned = withoutDefiners ? withoutDefiner(sql) : sql;
  const entries = Object.entries({ ...rest, sql: object.type === 'event' ? withoutEvent(owned) : owned });
  return JSON.stringify(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Such as `MariaDB 10.11`. */
function releaseOf(server: string): string {
  return /^\D*\d+\.\d+/.exec(server)?.[0] ?? server;
}
