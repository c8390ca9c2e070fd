import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';

/** In the order in which a restore makes them; rows come after the tables. */
export const OBJECT_TYPES = [
  'database',
  'sequence',
  'table',
  'package',
  'function',
  'procedure',
  'package body',
  'view',
  'trigger',
  'event',
] as const;
export type ObjectType = (typeof OBJECT_TYPES)[number];

/** Texts may hold bytes that are not UTF-8, as byte-text.ts has them. */
const SchemaObjectSchema = z.strictObject({
  type: z.enum(OBJECT_TYPES),
  name: z.string(),
  /** As SHOW CREATE gives it. */
  sql: z.string(),
  /** What the text of the definition is written in, and what else it was made under. */
  charset: z.string().optional(),
  collation: z.string().optional(),
  sqlMode: z.string().optional(),
  timeZone: z.string().optional(),
  /** Of a trigger: its table. */
  table: z.string().optional(),
  /** Of a sequence: the value that it gives next. */
  next: z.string().optional(),
  /** Of the database, if it has one (MariaDB). */
  comment: z.string().optional(),
  /** Why the server could not open it, of a view. */
  broken: z.string().optional(),
});
export type SchemaObject = Readonly<z.infer<typeof SchemaObjectSchema>>;

/** One line of JSON an object. */
export function schemaText(objects: readonly SchemaObject[]): string {
  return objects.map((object) => `${JSON.stringify(object)}\n`).join('');
}

/** @throws E_DAMAGED */
export function parseSchema(text: string): readonly SchemaObject[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => {
      const parsed = SchemaObjectSchema.safeParse(jsonOf(line));
      if (parsed.success) return parsed.data;
      throw new HoldfastError(
        'E_DAMAGED',
        `line ${i + 1} of the schema describes no object: ${z.prettifyError(parsed.error)}`,
      );
    });
}

/** How an object is named in plans and messages: `TRIGGER orders_audit`. */
export function objectName({ type, name }: Pick<SchemaObject, 'type' | 'name'>): string {
  return `${type.toUpperCase()} ${name}`;
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
