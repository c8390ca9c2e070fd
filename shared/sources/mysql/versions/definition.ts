import type { SchemaObject } from '../schema/objects.ts';

/** The text of a definition, without what may look like SQL and is none. */
export interface Definition {
  readonly object: SchemaObject;
  /** Names are `` `` ``, texts `''`, comments are gone. */
  readonly text: string;
  /** Comments that only some servers take for SQL, such as `/*!80023 INVISIBLE *\/`. */
  readonly comments: readonly string[];
  /** Names of options of tables in backticks, such as `ENCRYPTED`, as MariaDB writes them. */
  readonly options: readonly string[];
}

const PIECES = /'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`=?|\/\*(?:M?!)[\s\S]*?\*\//g;

export function readDefinition(object: SchemaObject): Definition {
  const comments: string[] = [];
  const options: string[] = [];
  const text = object.sql.replaceAll(PIECES, (piece) => {
    if (piece.startsWith("'")) return "''";
    if (piece.startsWith('/*')) comments.push(piece);
    else if (piece.endsWith('=')) options.push(piece.slice(1, -2));
    return piece.startsWith('/*') ? '' : '``';
  });
  return { object, text, comments, options };
}
