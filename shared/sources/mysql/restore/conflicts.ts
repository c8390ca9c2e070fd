import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from '../connection/connection.ts';
import { ignoresCase } from '../connection/names-case.ts';
import { type ObjectType, objectName, type SchemaObject } from '../schema/objects.ts';
import { quoteName } from '../text/identifiers.ts';

/** Something that the target holds. */
export interface Present {
  readonly type: ObjectType;
  readonly name: string;
  /** Of a trigger. */
  readonly table: string | null;
}

export interface Presence {
  /** What is in the way: of the name of something that is restored. */
  readonly conflicts: readonly Present[];
  /** Triggers of tables that are replaced, which the backup lacks. */
  readonly losses: readonly Present[];
}

const OBJECTS = `
  SELECT CASE TABLE_TYPE WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END AS type,
         TABLE_NAME AS name, NULL AS \`table\`
    FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()
  UNION ALL SELECT LOWER(ROUTINE_TYPE), ROUTINE_NAME, NULL
    FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()
  UNION ALL SELECT 'trigger', TRIGGER_NAME, EVENT_OBJECT_TABLE
    FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
  UNION ALL SELECT 'event', EVENT_NAME, NULL FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()`;

/** Looks in the target for what is to be made. @throws E_SOURCE_UNSUPPORTED if two names are one there */
export async function findConflicts(
  session: Session,
  objects: readonly SchemaObject[],
  signal: AbortSignal,
): Promise<Presence> {
  const present = await session.query<{ type: ObjectType; name: string; table: string | null }>(
    OBJECTS,
    signal,
  );
  const isCaseless = await ignoresCase(session, signal);
  if (isCaseless) checkNames(objects);
  const wanted = new Set(objects.map((object) => keyOf(object, isCaseless)));
  const conflicts = present.filter((object) => wanted.has(keyOf(object, isCaseless)));
  const replaced = new Set(conflicts.flatMap(({ type, name }) => (type === 'table' ? [name] : [])));
  return {
    conflicts,
    losses: present.filter(
      (object) =>
        object.type === 'trigger' && replaced.has(object.table ?? '') && !conflicts.includes(object),
    ),
  };
}

/** Tables, views and sequences share their names; names of all else are compared without case anyway. */
function keyOf({ type, name }: Pick<Present, 'type' | 'name'>, isCaseless: boolean): string {
  const isRelation = type === 'table' || type === 'view' || type === 'sequence';
  if (!isRelation) return `${type} ${type === 'trigger' ? name : name.toLowerCase()}`;
  return `relation ${isCaseless ? name.toLowerCase() : name}`;
}

function checkNames(objects: readonly SchemaObject[]): void {
  const seen = new Map<string, string>();
  for (const object of objects.filter(({ type }) => type !== 'trigger')) {
    const key = keyOf(object, true);
    const other = seen.get(key);
    if (other !== undefined && key.startsWith('relation '))
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `${other} and ${object.name} have the same name in the target, which takes no notice of case (lower_case_table_names)`,
        { hint: 'Restore into a server with lower_case_table_names=0, or one of them by --dataset.' },
      );
    seen.set(key, object.name);
  }
}

/** What drops it, with its rows. */
export function dropSql({ type, name }: Pick<Present, 'type' | 'name'>): string {
  return `DROP ${type.toUpperCase()} IF EXISTS ${quoteName(name)}`;
}

/** In the order in which they are dropped: what belongs to a table before it. */
export function dropsOf(conflicts: readonly Present[]): readonly string[] {
  const rank: readonly ObjectType[] = ['event', 'trigger', 'view', 'package body'];
  return conflicts.toSorted((a, b) => place(rank, a.type) - place(rank, b.type)).map(dropSql);
}

function place(rank: readonly ObjectType[], type: ObjectType): number {
  const found = rank.indexOf(type);
  return found < 0 ? rank.length : found;
}

export function describePresent(object: Present): string {
  return objectName(object);
}
