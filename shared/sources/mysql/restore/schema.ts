import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { RestoreFailure } from '../../target.ts';
import type { Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { objectName, type SchemaObject } from '../schema/objects.ts';
import { displayName, quoteName, quoteText } from '../text/identifiers.ts';

export interface MakeOptions {
  /** The user itself becomes the definer. */
  readonly noOwner: boolean;
  /** Who becomes the definer instead of those of the backup, as `user@host`. */
  readonly definer: string | undefined;
  /** Events are there and do nothing. */
  readonly isEventsOff: boolean;
  readonly onFailure: ((failure: RestoreFailure) => void) | undefined;
  readonly signal: AbortSignal;
}

/** What a view's text needs may be made later. */
const LATER = new Set([1146, 1305, 1356, 1054]);

/**
 * Tables and sequences: what rows need.
 *
 * @param options.keepGoing what the server refuses is left out and told of, instead of being thrown
 * @returns names of tables that were left out
 */
export async function makeTables(
  session: Session,
  objects: readonly SchemaObject[],
  { keepGoing, ...options }: MakeOptions & { readonly keepGoing: boolean },
): Promise<ReadonlySet<string>> {
  const { signal } = options;
  const leftOut = new Set<string>();
  const kinds = ['sequence', 'table'] as const;
  for (const object of kinds.flatMap((kind) => objects.filter(({ type }) => type === kind))) {
    const { name, type, sql, next = '1' } = object;
    const work = async () => {
      await session.query(sql, signal, { object: objectName(object) });
      if (type === 'sequence')
        await session.query(`SELECT SETVAL(${quoteName(name)}, ${next}, 0)`, signal, {
          object: objectName(object),
        });
    };
    const onFailure = (failure: RestoreFailure) => {
      if (type === 'table') leftOut.add(name);
      options.onFailure?.({ ...failure, ...(type === 'table' && { dataset: displayName(name) }) });
    };
    await goOn(object, work, {
      ...options,
      onFailure: keepGoing && options.onFailure ? onFailure : undefined,
    });
  }
  return leftOut;
}

/** Routines, views, triggers and events, each under the settings that it was made under. */
export async function makeOthers(
  session: Session,
  objects: readonly SchemaObject[],
  options: MakeOptions,
): Promise<void> {
  const ofType = (...types: readonly SchemaObject['type'][]) =>
    objects.filter(({ type, broken }) => types.includes(type) && broken === undefined);
  for (const object of ofType('package', 'function', 'procedure', 'package body'))
    await goOn(object, () => make(session, object, options), options);
  await makeViews(session, ofType('view'), options);
  for (const object of ofType('trigger', 'event'))
    await goOn(object, () => make(session, object, options), options);
}

/** Again and again, until none is left or none can be made: views stand on views. */
async function makeViews(
  session: Session,
  views: readonly SchemaObject[],
  options: MakeOptions,
): Promise<void> {
  for (let left = views; left.length > 0; ) {
    const later: { readonly view: SchemaObject; readonly error: unknown }[] = [];
    for (const view of left) {
      const error = await errorOf(() => make(session, view, options));
      if (LATER.has(errorNumber(error) ?? 0)) later.push({ view, error });
      else if (error !== undefined) await goOn(view, () => Promise.reject(error), options);
    }
    if (later.length === left.length) {
      for (const { view, error } of later) await goOn(view, () => Promise.reject(error), options);
      return;
    }
    left = later.map(({ view }) => view);
  }
}

async function errorOf(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

async function goOn(
  object: SchemaObject,
  work: () => Promise<unknown>,
  { onFailure }: MakeOptions,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!onFailure || !isHoldfastError(error) || errorNumber(error) === undefined) throw error;
    onFailure({ object: objectName(object), message: error.message });
  }
}

/** The text is in the character set of the client that wrote it, and is sent as it was stored. */
async function make(session: Session, object: SchemaObject, options: MakeOptions): Promise<void> {
  const { charset, collation, sqlMode, timeZone } = object;
  const { signal } = options;
  const settings = [
    ...(charset === undefined ? [] : [`character_set_client = ${quoteText(charset)}`]),
    ...(collation === undefined ? [] : [`collation_connection = ${quoteText(collation)}`]),
    ...(timeZone === undefined ? [] : [`time_zone = ${quoteText(timeZone)}`]),
    // Last: after it, a backslash in a text may mean nothing special.
    ...(sqlMode === undefined ? [] : [`sql_mode = ${quoteText(sqlMode)}`]),
  ];
  const about = { object: objectName(object) };
  if (settings.length > 0) await session.query(`SET ${settings.join(', ')}`, signal, about);
  try {
    await session.query(textOf(object, options), signal, about);
  } finally {
    if (session.isOpen) await session.query(USUAL, signal, about);
  }
}

/** What session-settings.ts has for what is written. */
const USUAL =
  "SET NAMES utf8mb4, time_zone = '+00:00', sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', character_set_results = NULL";

const DEFINER =
  /^(CREATE (?:OR REPLACE )?(?:ALGORITHM=\w+ )?)DEFINER=(?:`(?:[^`]|``)*`(?:@`(?:[^`]|``)*`)?) /;

function textOf({ type, sql }: SchemaObject, options: MakeOptions): string {
  const { noOwner, definer, isEventsOff } = options;
  const owned = noOwner ? withoutDefiner(sql) : definer === undefined ? sql : withDefiner(sql, definer);
  return type === 'event' && isEventsOff ? withoutEvent(owned) : owned;
}

/** The user who makes it becomes the definer then. */
export function withoutDefiner(sql: string): string {
  return sql.replace(DEFINER, '$1');
}

function withDefiner(sql: string, definer: string): string {
  const clause = `DEFINER=${quotedUser(definer)} `;
  return sql.replace(DEFINER, (_, head: string) => head + clause);
}

/** Of `user@host`, the host being all after the last sign; without one, any host. */
export function quotedUser(definer: string): string {
  const at = definer.lastIndexOf('@');
  const [user, host] = at < 0 ? [definer, '%'] : [definer.slice(0, at), definer.slice(at + 1)];
  return `${quoteName(user)}@${quoteName(host)}`;
}

const STATE = /( ON COMPLETION (?:NOT )?PRESERVE )ENABLE\b/;

/** As the server writes an event's text, its state stands behind this. */
export function withoutEvent(sql: string): string {
  return sql.replace(STATE, '$1DISABLE');
}

/** Who is named as definer; the user that logs in is one too. */
export function definersOf(objects: readonly SchemaObject[]): readonly string[] {
  const found = objects.flatMap(({ sql }) => {
    const [head] = DEFINER.exec(sql) ?? [];
    const [, definer] = /DEFINER=(\S.*) $/.exec(head ?? '') ?? [];
    return definer === undefined ? [] : [definer];
  });
  return [...new Set(found)].toSorted();
}

const SEQUENCE_USE = /\b(nextval|lastval|setval)\(`(?:[^`]|``)*`\.`/gi;

/** Numbers for a column come from a sequence that the server names with its database. */
export function forDatabase(objects: readonly SchemaObject[], database: string): readonly SchemaObject[] {
  const sequences = objects.some(({ type }) => type === 'sequence');
  if (!sequences) return objects;
  return objects.map((object) =>
    object.type === 'table'
      ? {
          ...object,
          sql: object.sql.replaceAll(SEQUENCE_USE, (_, use: string) => `${use}(${quoteName(database)}.\``),
        }
      : object,
  );
}

/** @throws E_SOURCE_UNSUPPORTED if the server cannot take rows of the past */
export async function checkHistory(session: Session, isNeeded: boolean, signal: AbortSignal): Promise<void> {
  if (!isNeeded) return;
  const rows = await session.query("SHOW VARIABLES LIKE 'system_versioning_insert_history'", signal);
  if (rows.length > 0) return;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    'the backup holds tables with system versions, and this server cannot take their history',
    { hint: 'Restore into MariaDB 10.11 or newer.' },
  );
}
