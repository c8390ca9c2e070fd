import { HoldfastError } from '../../../core/errors.ts';
import type { Row, Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';
import type { ObjectType, SchemaObject } from './objects.ts';
import { orderViews } from './order-views.ts';

/** What a view answers whose tables, columns or functions are gone. */
const BROKEN_VIEW = new Set([1356, 1146, 1054, 1305, 1143, 1370]);
/** Its definer is gone: the view itself is whole, and works again with another one. */
const NO_DEFINER = 1449;

/**
 * Definitions of everything that the database holds, with the settings that each was made under.
 *
 * @throws E_SOURCE_DENIED for a definition that this user may not read; E_SOURCE_CHANGED for what goes meanwhile
 */
export async function readSchema(
  session: Session,
  tables: readonly string[],
  signal: AbortSignal,
): Promise<readonly SchemaObject[]> {
  const objects: SchemaObject[] = [await readDatabase(session, signal)];
  for (const name of await namesOf(session, SEQUENCES, signal))
    objects.push(await readSequence(session, name, signal));
  for (const name of tables) objects.push(await readTable(session, name, signal));
  const routines = await session.query<{ name: string; type: string }>(ROUTINES, signal);
  for (const { name, type } of routines) {
    const kind = type.toLowerCase() as ObjectType;
    objects.push(await readStored(session, { type: kind, name }, signal));
  }
  const views: SchemaObject[] = [];
  for (const name of await namesOf(session, VIEWS, signal)) views.push(await readView(session, name, signal));
  objects.push(...orderViews(views));
  const triggers = await session.query<{ name: string; table: string }>(TRIGGERS, signal);
  for (const { name, table } of triggers)
    objects.push(await readStored(session, { type: 'trigger', name, table }, signal));
  for (const name of await namesOf(session, EVENTS, signal))
    objects.push(await readStored(session, { type: 'event', name }, signal));
  return objects;
}

const SEQUENCES = `
  SELECT TABLE_NAME AS name FROM information_schema.TABLES
   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE' ORDER BY CAST(TABLE_NAME AS BINARY)`;
const VIEWS = `
  SELECT TABLE_NAME AS name FROM information_schema.TABLES
   WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'VIEW' ORDER BY CAST(TABLE_NAME AS BINARY)`;
const EVENTS = `
  SELECT EVENT_NAME AS name FROM information_schema.EVENTS
   WHERE EVENT_SCHEMA = DATABASE() ORDER BY CAST(EVENT_NAME AS BINARY)`;
/** Bodies after what they implement. */
const ROUTINES = `
  SELECT ROUTINE_NAME AS name, ROUTINE_TYPE AS type FROM information_schema.ROUTINES
   WHERE ROUTINE_SCHEMA = DATABASE()
   ORDER BY FIELD(ROUTINE_TYPE, 'PACKAGE', 'FUNCTION', 'PROCEDURE', 'PACKAGE BODY'), CAST(ROUTINE_NAME AS BINARY)`;
/** Triggers of the same event of a table run in this order. */
const TRIGGERS = `
  SELECT TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS \`table\` FROM information_schema.TRIGGERS
   WHERE TRIGGER_SCHEMA = DATABASE()
   ORDER BY CAST(EVENT_OBJECT_TABLE AS BINARY), ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER`;

async function namesOf(session: Session, sql: string, signal: AbortSignal): Promise<readonly string[]> {
  return (await session.query<{ name: string }>(sql, signal)).map(({ name }) => name);
}

async function readDatabase(session: Session, signal: AbortSignal): Promise<SchemaObject> {
  const [row] = await session.query<{ charset: string; collation: string }>(
    'SELECT @@character_set_database AS charset, @@collation_database AS collation',
    signal,
  );
  const { charset = '', collation = '' } = row ?? {};
  const comment = await databaseComment(session, signal);
  return { type: 'database', name: '', sql: '', charset, collation, ...(comment === '' ? {} : { comment }) };
}

const NO_COLUMN = 1054;

/** MariaDB has some from 10.5 on. */
async function databaseComment(session: Session, signal: AbortSignal): Promise<string> {
  try {
    const [row] = await session.query<{ comment: string | null }>(
      'SELECT SCHEMA_COMMENT AS comment FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()',
      signal,
    );
    return row?.comment ?? '';
  } catch (error) {
    if (errorNumber(error) !== NO_COLUMN) throw error;
    return '';
  }
}

async function readSequence(session: Session, name: string, signal: AbortSignal): Promise<SchemaObject> {
  const row = await showCreate(session, 'SEQUENCE', name, signal);
  const [value] = await session.query<{ next: string }>(
    `SELECT next_not_cached_value AS next FROM ${quoteName(name)}`,
    signal,
    { object: name },
  );
  return { type: 'sequence', name, sql: sqlOf(row, 'Create Table', name), next: value?.next ?? '1' };
}

async function readTable(session: Session, name: string, signal: AbortSignal): Promise<SchemaObject> {
  return {
    type: 'table',
    name,
    sql: sqlOf(await showCreate(session, 'TABLE', name, signal), 'Create Table', name),
  };
}

async function readView(session: Session, name: string, signal: AbortSignal): Promise<SchemaObject> {
  const row = await showCreate(session, 'VIEW', name, signal);
  const broken = await whyBroken(session, name, signal);
  return {
    type: 'view',
    name,
    sql: sqlOf(row, 'Create View', name),
    ...contextOf(row),
    ...(broken === undefined ? {} : { broken }),
  };
}

async function whyBroken(session: Session, name: string, signal: AbortSignal): Promise<string | undefined> {
  try {
    await session.query(`SELECT * FROM ${quoteName(name)} LIMIT 0`, signal, { object: name });
    return undefined;
  } catch (error) {
    const number = errorNumber(error);
    if (number === NO_DEFINER) return undefined;
    if (number === undefined || !BROKEN_VIEW.has(number)) throw error;
    return (error as Error).message;
  }
}

/** Routines, triggers and events: texts that the server stores with the settings that they run under. */
async function readStored(
  session: Session,
  object: Pick<SchemaObject, 'type' | 'name' | 'table'>,
  signal: AbortSignal,
): Promise<SchemaObject> {
  const kind = object.type.toUpperCase();
  const row = await showCreate(session, kind, object.name, signal);
  const title = object.type.replaceAll(/(^|\s)\S/g, (letter) => letter.toUpperCase());
  const column = object.type === 'trigger' ? 'SQL Original Statement' : `Create ${title}`;
  const sqlMode = row['sql_mode'];
  const timeZone = row['time_zone'];
  return {
    ...object,
    sql: sqlOf(row, column, object.name),
    ...contextOf(row),
    ...(typeof sqlMode === 'string' ? { sqlMode } : {}),
    ...(typeof timeZone === 'string' ? { timeZone } : {}),
  };
}

function contextOf(row: Row): Pick<SchemaObject, 'charset' | 'collation'> {
  const { character_set_client: charset, collation_connection: collation } = row;
  return { ...(charset ? { charset } : {}), ...(collation ? { collation } : {}) };
}

async function showCreate(session: Session, kind: string, name: string, signal: AbortSignal): Promise<Row> {
  const [row] = await session.query(`SHOW CREATE ${kind} ${quoteName(name)}`, signal, { object: name });
  return row ?? {};
}

/** @throws E_SOURCE_DENIED if the server shows the object without its text */
function sqlOf(row: Row, column: string, name: string): string {
  return row[column] ?? denied(name);
}

function denied(name: string): never {
  throw new HoldfastError('E_SOURCE_DENIED', `the user may not read the definition of ${name}`, {
    hint: 'MariaDB: GRANT SELECT ON mysql.proc, or from 11.3 on SHOW CREATE ROUTINE; MySQL: GRANT SHOW_ROUTINE ON *.* to the user.',
    details: { object: name },
  });
}
