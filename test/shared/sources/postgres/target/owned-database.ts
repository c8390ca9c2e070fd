/**
 * What a role that is no superuser makes besides tables: loaded after TYPED. Needs the role `watcher`, and a tablespace
 * `elsewhere` where it may create.
 */
export const OWNED = `
  CREATE EXTENSION IF NOT EXISTS hstore;
  ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO watcher;
  CREATE TABLE kept (id serial PRIMARY KEY, tags hstore, typed int REFERENCES typed DEFERRABLE INITIALLY DEFERRED,
    twice int GENERATED ALWAYS AS (typed * 2) STORED);
  CREATE TABLE moved (id bigint GENERATED ALWAYS AS IDENTITY (START 7 INCREMENT 3), note text) TABLESPACE elsewhere;
  CREATE INDEX ON kept USING gin (tags);
  CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO public.moved (note) VALUES (TG_OP); RETURN NEW; END $$;
  CREATE TRIGGER noted AFTER INSERT ON kept FOR EACH ROW EXECUTE FUNCTION noted();
  CREATE RULE silent AS ON DELETE TO kept DO INSTEAD NOTHING;
  INSERT INTO kept (tags, typed) SELECT hstore('a', E'\\\\b"c'), i FROM generate_series(1, 50) i;
  CREATE TABLE parent (x int, z timestamptz); CREATE TABLE child (y int) INHERITS (parent);
  INSERT INTO child (x, y, z) VALUES (1, 2, '2024-07-01 12:00:00+00'); INSERT INTO parent (x) VALUES (3);
  ALTER TABLE typed ENABLE ROW LEVEL SECURITY;
  GRANT SELECT (id, note) ON typed TO watcher; GRANT INSERT ON moved TO watcher WITH GRANT OPTION;
  REVOKE EXECUTE ON FUNCTION noted() FROM PUBLIC;
  CREATE SCHEMA inner_part; CREATE VIEW inner_part.seen WITH (security_barrier) AS SELECT id, tags FROM kept;
  COMMENT ON SCHEMA inner_part IS E'it''s \\\\ here';
  CREATE TYPE inner_part.mood AS ENUM ('sad', 'ok'); CREATE TABLE inner_part.moods AS SELECT 'ok'::inner_part.mood AS mood;
  SELECT lo_from_bytea(424301, '\\\\x00ff5c0a'); COMMENT ON LARGE OBJECT 424301 IS 'bytes';
  GRANT SELECT ON LARGE OBJECT 424301 TO watcher; SELECT lo_from_bytea(424302, '');
  SELECT setval('kept_id_seq', 99, false);
`;
