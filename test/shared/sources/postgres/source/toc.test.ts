import { describe, expect, it } from 'vitest';
import { splitStatements } from '../../../../../shared/sources/postgres/pg-dump/statements.ts';
import { parseToc, withoutOwner } from '../../../../../shared/sources/postgres/pg-dump/toc.ts';
import { rolesToRestore } from '../../../../../shared/sources/postgres/roles/restore-roles.ts';

const header = (name: string, type: string) =>
  `--\n-- Name: ${name}; Type: ${type}; Schema: public; Owner: shop\n--\n\n`;
const PREAMBLE = '--\n-- PostgreSQL database dump\n--\n\nSET statement_timeout = 0;\n\n';
const END = '--\n-- PostgreSQL database dump complete\n--\n\n';
const OWNER = 'ALTER FUNCTION public.f() OWNER TO shop;\n\n\n';

/** Bodies in which something looks like what the dump is cut at. */
const BODIES = [
  `CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $$\n${header('x', 'TABLE')}SELECT 'a;b';\n$$;\n\n\n`,
  `CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$ SELECT $$ ; $$ $_$;\n\n\n`,
  `CREATE FUNCTION public.f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\n\n\n`,
  `COMMENT ON TABLE public.t IS 'it''s\n${header('x', 'TABLE')}SET default_tablespace = x;\n';\n\n\n`,
  `CREATE VIEW public.v AS SELECT E'\\'; --' AS a, 1 AS "odd;'name";\n\n\n`,
  '/* one /* in\n-- another */ ; */ CREATE TABLE public.t (a integer DEFAULT 1);\n\n\n',
  'CREATE TABLE public.t (a$b integer, c$b integer);\n\n\n',
  `CREATE RULE r AS ON INSERT TO public.t DO ALSO ( DELETE FROM public.u; DELETE FROM public.w; );\n\n\n`,
  `COMMENT ON TABLE public.t IS 'ALTER TABLE public.t OWNER TO nobody;\n';\n\n\n`,
];

describe('the table of contents of a dump', () => {
  it.each(BODIES)('is not misled by %j', (body) => {
    const first = header('f()', 'FUNCTION') + body + OWNER;
    const second = `${header('t', 'TABLE')}CREATE TABLE public.t ();\n\n\n`;
    const { preamble, entries } = parseToc(PREAMBLE + first + second + END);
    expect(preamble).toBe(PREAMBLE);
    expect(entries.map(({ name, type }) => [name, type])).toEqual([
      ['f()', 'FUNCTION'],
      ['t', 'TABLE'],
    ]);
    expect(entries[0]?.sql).toBe(body + OWNER);
    expect(withoutOwner(entries[0]!).trimEnd()).toBe(body.trimEnd());
  });

  it('gives settings between two entries to the later one', () => {
    const settings = "SET default_tablespace = '';\n\nSET default_table_access_method = heap;\n\n";
    const sql = 'CREATE TYPE public.m AS ENUM ();\n\n\n';
    const script = `${PREAMBLE}${header('m', 'TYPE')}${sql}${settings}${header('t', 'TABLE')}${sql}${END}`;
    const [type, table] = parseToc(script).entries;
    expect([type?.sql.trim(), type?.settings]).toEqual([sql.trim(), '']);
    expect(table?.settings).toBe("SET default_tablespace = '';\nSET default_table_access_method = heap;\n");
    const first = parseToc(
      `${PREAMBLE}SET default_tablespace = fast;\n\n${header('t', 'TABLE')}${sql}${END}`,
    );
    expect(first.entries[0]?.settings).toBe('SET default_tablespace = fast;\n');
  });

  it.each(['shop', '"Odd; role"', '"it""s"'])('knows the owner %s and takes it away', (role) => {
    const bare = role.replace(/^"|"$/g, '').replaceAll('""', '"');
    const entry = { name: 't', type: 'TABLE', schema: 'public', owner: bare, settings: '' };
    const sql = 'CREATE TABLE public."a;b" ();\n\n\n';
    const owned = { ...entry, sql: `${sql}ALTER TABLE public."a;b" OWNER TO ${role};\n\n` };
    expect(rolesToRestore(owned)).toEqual({ owner: bare, needed: [] });
    expect(withoutOwner(owned).trimEnd()).toBe(sql.trimEnd());
    expect(withoutOwner({ ...entry, sql })).toBe(sql);
  });

  it('splits statements, and loses no character of them', () => {
    for (const body of BODIES) expect(splitStatements(body + OWNER).join('')).toBe(body + OWNER);
    expect(splitStatements('a; b')).toEqual(['a;', ' b']);
  });
});
