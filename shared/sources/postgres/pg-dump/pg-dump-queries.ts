import { DDL_SCHEMA } from '../changes/names.ts';

const QUERY = 0x51;

/**
 * Servers of the minor releases of late 2026 (15.20 and its siblings) keep a number of their own among a
 * column's options, `pg_attver`. Their pg_dump leaves it out; an older pg_dump would write it into the
 * schema as an option to set, which other servers refuse. So that pg_dump never sees it, its query is
 * completed on the way to the server.
 */
const COLUMN_OPTIONS = "array_to_string(a.attoptions, ', ')";
const SETTABLE_COLUMN_OPTIONS =
  "array_to_string(ARRAY(SELECT o FROM pg_catalog.unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\\_attver=%'), ', ')";

/**
 * Names of roles are bytes in the encoding of the database where they were made. In another one, a name that
 * nothing there needs may have no like in UTF-8, and would fail the whole list. UTF8 and SQL_ASCII do not
 * convert.
 */
const ROLES = 'SELECT oid, rolname FROM pg_catalog.pg_roles ORDER BY 1';
const NEEDED_ROLES = `SELECT oid, rolname FROM pg_catalog.pg_roles r
  WHERE pg_catalog.getdatabaseencoding() IN ('UTF8', 'SQL_ASCII') OR r.oid < 16384 OR r.oid IN (
    SELECT s.refobjid FROM pg_catalog.pg_shdepend s JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database()
     WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass AND (s.dbid = d.oid
        OR s.dbid = 0 AND (s.classid = 'pg_catalog.pg_database'::pg_catalog.regclass AND s.objid = d.oid
                        OR s.classid = pg_catalog.to_regclass('pg_catalog.pg_subscription')))) ORDER BY 1`;

/** The event triggers of continuous backup are of the source alone: a restored database must not carry them. */
const EVENT_TRIGGERS = 'FROM pg_event_trigger e ';
const EVENT_TRIGGERS_OF_OTHERS = `${EVENT_TRIGGERS}WHERE NOT EXISTS (
  SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
   WHERE p.oid = e.evtfoid AND n.nspname = '${DDL_SCHEMA}') `;

const REPLACEMENTS = [
  [COLUMN_OPTIONS, SETTABLE_COLUMN_OPTIONS],
  [ROLES, NEEDED_ROLES],
  [EVENT_TRIGGERS, EVENT_TRIGGERS_OF_OTHERS],
] as const;

/** @param message one whole message of the client */
export function completeQuery(message: Buffer): Buffer {
  const found = message[0] === QUERY ? REPLACEMENTS.find(([from]) => message.includes(from)) : undefined;
  if (!found) return message;
  const [from, to] = found;
  const sql = message.toString('utf8', 5).replace(from, () => to);
  const completed = Buffer.concat([message.subarray(0, 5), Buffer.from(sql)]);
  completed.writeInt32BE(completed.length - 1, 1);
  return completed;
}
