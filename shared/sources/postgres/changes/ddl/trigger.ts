import { createHash } from 'node:crypto';
import { quoteIdent, quoteLiteral } from '../../text/identifiers.ts';
import { DDL_PREFIX, DDL_SCHEMA } from '../names.ts';

/** What is left of a statement that could not be noted. */
export const LOST = '-';
/** Of a statement and of what called it; longer ones are not noted. */
const MOST_BYTES = 65_536;
/** Names of triggers have 63 bytes at most. */
const MOST_NAME = 58;

/** The event triggers of a source: one for what is made and altered, one for what is dropped. */
export function triggerNames(name: string): { readonly made: string; readonly dropped: string } {
  return { made: name, dropped: `${name.slice(0, MOST_NAME)}_drop` };
}

/**
 * It runs with its owner's rights in sessions of anybody, so that until `search_path` is its own, it names everything by its schema.
 * Whatever fails in it, the application's statement does not.
 */
function body(name: string): string {
  const publication = quoteLiteral(name);
  return `
DECLARE
  path pg_catalog.text;
  stack pg_catalog.text;
  statement pg_catalog.text;
  objects pg_catalog.jsonb;
  content pg_catalog.bytea;
  secret pg_catalog.bytea;
  place pg_catalog.text;
BEGIN
  path := pg_catalog.current_setting('search_path');
  PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
  GET DIAGNOSTICS stack = PG_CONTEXT;
  IF TG_EVENT = 'sql_drop' THEN
    IF TG_TAG LIKE 'DROP %' THEN
      SELECT jsonb_agg(jsonb_build_object('type', o.object_type, 'name', o.object_identity)) INTO objects
        FROM (SELECT d.object_type, d.object_identity FROM pg_event_trigger_dropped_objects() d
               WHERE d.original AND NOT d.is_temporary AND d.schema_name IS DISTINCT FROM ${quoteLiteral(DDL_SCHEMA)} LIMIT 100) o;
    END IF;
  ELSIF TG_TAG = 'ALTER PUBLICATION' THEN
    IF current_setting('holdfast.adds', true) IS DISTINCT FROM 'yes' THEN
      objects := '[]';
    END IF;
  ELSIF TG_TAG NOT LIKE 'DROP %' THEN
    IF TG_TAG = 'CREATE TABLE' THEN
      FOR place IN
        SELECT c.oid::regclass::text FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid
         WHERE d.classid = 'pg_class'::regclass AND d.command_tag = 'CREATE TABLE' AND NOT d.in_extension
           AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
           AND EXISTS (SELECT FROM pg_index i
                        WHERE i.indrelid = c.oid AND i.indisprimary AND i.indimmediate AND i.indisvalid)
      LOOP
        BEGIN
          PERFORM set_config('holdfast.adds', 'yes', true);
          EXECUTE ${quoteLiteral(`ALTER PUBLICATION ${quoteIdent(name)} ADD TABLE ONLY `)} || place;
        EXCEPTION WHEN OTHERS THEN
          NULL;
        END;
        PERFORM set_config('holdfast.adds', '', true);
      END LOOP;
    END IF;
    SELECT jsonb_agg(jsonb_build_object('type', o.object_type, 'name', o.object_identity, 'tag', o.command_tag,
             'isStreamed', o.command_tag <> 'CREATE TABLE' OR o.relkind IS DISTINCT FROM 'r' OR EXISTS (
               SELECT FROM pg_publication_tables t JOIN pg_namespace n ON n.nspname = t.schemaname
                WHERE t.pubname = ${publication} AND n.oid = o.relnamespace AND t.tablename = o.relname),
             'hasDefaults', o.relkind = 'r' AND EXISTS (
               SELECT FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
                WHERE a.attrelid = o.objid AND NOT a.attisdropped AND y.typtype = 'd' AND y.typdefault IS NOT NULL))) INTO objects
      FROM (SELECT d.objid, d.object_type, d.object_identity, d.command_tag, c.relkind, c.relname, c.relnamespace
              FROM pg_event_trigger_ddl_commands() d
              LEFT JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid
             WHERE NOT d.in_extension AND d.schema_name IS DISTINCT FROM 'pg_temp'
               AND d.schema_name IS DISTINCT FROM ${quoteLiteral(DDL_SCHEMA)} LIMIT 100) o;
  END IF;
  IF objects IS NOT NULL THEN
    statement := current_query();
    stack := substr(stack, strpos(stack || E'\\n', E'\\n') + 1);
    IF octet_length(statement) + octet_length(stack) > ${MOST_BYTES} THEN
      statement := NULL;
      stack := '';
    END IF;
    content := convert_to(jsonb_build_object('xid', txid_current()::text, 'tag', TG_TAG, 'publication', ${publication},
      'sql', statement, 'stack', stack, 'objects', objects, 'settings', jsonb_build_object('search_path', path,
        'TimeZone', current_setting('TimeZone'), 'DateStyle', current_setting('DateStyle'),
        'IntervalStyle', current_setting('IntervalStyle'),
        'standard_conforming_strings', current_setting('standard_conforming_strings')))::text, 'UTF8');
    SELECT k.value INTO STRICT secret FROM ${quoteIdent(DDL_SCHEMA)}.${quoteIdent(name)} k;
    PERFORM pg_logical_emit_message(true, ${quoteLiteral(DDL_PREFIX)},
      convert_to(encode(sha256(secret || sha256(secret || content)), 'hex'), 'UTF8') || content);
    -- The server sorts a message of a subtransaction by where it ends: without this, behind the change that follows.
    PERFORM pg_logical_emit_message(true, ${quoteLiteral(DDL_PREFIX)}, ''::text);
  END IF;
  PERFORM set_config('search_path', path, true);
EXCEPTION WHEN OTHERS THEN
  BEGIN
    PERFORM pg_catalog.pg_logical_emit_message(true, ${quoteLiteral(DDL_PREFIX)}, ${quoteLiteral(LOST)}::pg_catalog.text);
  EXCEPTION WHEN OTHERS THEN
    NULL;
  END;
END`;
}

/** MD5 of the function's source, as `md5(prosrc)` gives it. */
export function bodyHash(name: string): string {
  return createHash('md5').update(body(name)).digest('hex');
}

/** Makes function, key and triggers, or puts them right; all or nothing. @param reader login that polls */
export function makeTriggersSql(name: string, reader: string): string {
  const place = `${quoteIdent(DDL_SCHEMA)}.${quoteIdent(name)}`;
  const { made, dropped } = triggerNames(name);
  return `BEGIN;
${dropEventTriggers(name)}
CREATE SCHEMA IF NOT EXISTS ${quoteIdent(DDL_SCHEMA)};
CREATE TABLE IF NOT EXISTS ${place} (value bytea NOT NULL);
REVOKE ALL ON ${place} FROM PUBLIC;
INSERT INTO ${place} SELECT pg_catalog.sha256(pg_catalog.convert_to(
  pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, 'UTF8')) WHERE NOT EXISTS (SELECT FROM ${place});
GRANT USAGE ON SCHEMA ${quoteIdent(DDL_SCHEMA)} TO ${quoteIdent(reader)};
GRANT SELECT ON ${place} TO ${quoteIdent(reader)};
CREATE OR REPLACE FUNCTION ${place}() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $holdfast$${body(name)}$holdfast$;
CREATE EVENT TRIGGER ${quoteIdent(made)} ON ddl_command_end EXECUTE FUNCTION ${place}();
CREATE EVENT TRIGGER ${quoteIdent(dropped)} ON sql_drop EXECUTE FUNCTION ${place}();
ALTER EVENT TRIGGER ${quoteIdent(made)} ENABLE ALWAYS;
ALTER EVENT TRIGGER ${quoteIdent(dropped)} ENABLE ALWAYS;
COMMIT`;
}

/** Takes them down again; all or nothing. */
export function removeTriggersSql(name: string): string {
  const place = `${quoteIdent(DDL_SCHEMA)}.${quoteIdent(name)}`;
  return `BEGIN;
${dropEventTriggers(name)}
DROP FUNCTION IF EXISTS ${place}();
DROP TABLE IF EXISTS ${place};
DO $holdfast$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_proc WHERE pronamespace = '${DDL_SCHEMA}'::pg_catalog.regnamespace) THEN
    DROP SCHEMA ${quoteIdent(DDL_SCHEMA)};
  END IF;
END $holdfast$;
COMMIT`;
}

function dropEventTriggers(name: string): string {
  const { made, dropped } = triggerNames(name);
  return `DROP EVENT TRIGGER IF EXISTS ${quoteIdent(made)};
DROP EVENT TRIGGER IF EXISTS ${quoteIdent(dropped)};`;
}
