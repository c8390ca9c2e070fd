/** Types whose text, and whose checks, depend on settings. Loaded with the time zone that the hostile settings have. */
export const TYPED = `
  CREATE TYPE pair AS (at timestamptz, span interval);
  CREATE DOMAIN recent AS timestamptz CHECK (VALUE > '1999-12-31 12:00:00+00');
  CREATE TABLE typed (
    id int PRIMARY KEY, at timestamptz DEFAULT '2024-07-01 00:00:00+00', clock timetz, day date, span interval,
    f4 float4, f8 float8, bytes bytea, doc xml, price money DEFAULT '1.50'::numeric::money, list text[], numbers int[],
    during tstzrange, several tstzmultirange, pair pair, seen recent, note text DEFAULT E'a\\\\b''c',
    CONSTRAINT local_day CHECK (at::date = day), CONSTRAINT span_text CHECK (span <> '-1 2:03:04'));
  CREATE TABLE parts (at timestamptz NOT NULL, v float8) PARTITION BY RANGE (at);
  CREATE TABLE parts_old PARTITION OF parts FOR VALUES FROM (MINVALUE) TO ('2024-03-31 01:30:00+00');
  CREATE TABLE parts_new PARTITION OF parts FOR VALUES FROM ('2024-03-31 01:30:00+00') TO (MAXVALUE);
  CREATE INDEX late ON typed (id) WHERE at > '2024-03-31 01:30:00+00';
  CREATE VIEW never AS SELECT id FROM typed WHERE note = NULL::text;
  CREATE VIEW literals AS SELECT '-1 days +02:03:04'::interval AS span, '2024-02-03'::date AS day, E'a\\\\b' AS text,
    '\\x00ff'::bytea AS bytes, 0.1::float8 / 3 AS f, '2024-02-03 04:05:06+00'::timestamptz AS at, ARRAY['NULL', NULL] AS list;
  CREATE POLICY late ON typed USING (at > '2024-01-01 00:00:00+00');
  CREATE FUNCTION slashes() RETURNS text LANGUAGE sql AS $$ SELECT 'a\\b' $$;
  COMMENT ON FUNCTION slashes() IS E'one \\\\ backslash, it''s';
  COMMENT ON INDEX late IS E'one \\\\ backslash, it''s';
  CREATE MATERIALIZED VIEW days AS SELECT id, at::date AS day FROM typed;
  INSERT INTO typed SELECT i, t, t::timetz, t::date, make_interval(months => -i, days => i, secs => i * -1.5),
      i / 3.0, i / 7.0e-300, decode(md5(i::text), 'hex'), '<a/>text<b/>', i * 12345.67::numeric::money,
      ARRAY['NULL', NULL, E'a\\\\b"c'], ARRAY[i, NULL], tstzrange(t, t + '1 day'),
      tstzmultirange(tstzrange(t, t + '1 day')), ROW(t, '-1 days +02:03:04')::pair, t, E'\\\\N''\\n'
    FROM (SELECT i, '2024-03-29 13:00:00.123456+00'::timestamptz + i * '1 hour'::interval AS t FROM generate_series(1, 200) i) s;
  INSERT INTO parts SELECT at, f8 FROM typed;
`;
