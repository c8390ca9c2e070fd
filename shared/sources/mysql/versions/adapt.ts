import type { SchemaObject } from '../schema/objects.ts';
import type { TargetServer } from './target-server.ts';

/** From here on MySQL writes the collation of utf8mb4 always, and has another default. */
const MYSQL_8 = 80_000;

/** The same objects, so that they mean on the target what they meant at the source. */
export function adaptObjects(
  objects: readonly SchemaObject[],
  server: TargetServer,
): readonly SchemaObject[] {
  const { product, number } = server.release;
  const hasOtherDefault = product === 'mysql' && number >= MYSQL_8;
  return objects.map((object) => {
    if (object.type === 'table')
      return hasOtherDefault ? { ...object, sql: withCollation(object.sql) } : object;
    if (object.type === 'database') return object;
    return withKnownSettings(object, server);
  });
}

function withKnownSettings(object: SchemaObject, server: TargetServer): SchemaObject {
  const { collation, sqlMode, ...rest } = object;
  const modes = sqlMode?.split(',').filter((mode) => !server.unknownModes.has(mode));
  return {
    ...rest,
    ...(collation !== undefined && server.knowsCollation(collation) ? { collation } : {}),
    ...(modes === undefined ? {} : { sqlMode: modes.join(',') }),
  };
}

const PIECES = /'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\b(CHARACTER SET |CHARSET=)utf8mb4\b(?! COLLATE)/g;

/** Servers before MySQL 8 leave out `utf8mb4_general_ci`, their default. */
export function withCollation(sql: string): string {
  return sql.replaceAll(PIECES, (piece, clause: string | undefined) => {
    if (clause === undefined) return piece;
    return `${piece} COLLATE${clause.endsWith('=') ? '=' : ' '}utf8mb4_general_ci`;
  });
}
