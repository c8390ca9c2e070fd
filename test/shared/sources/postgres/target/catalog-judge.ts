import type { PostgresServer } from '../../../../../tools/embedded-postgres.ts';

/** Definitions by the server's own functions, and a sum of the rows of each table: no dump, and no COPY. */
const DEFINITIONS = `
  WITH ours AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema')
  SELECT 'column' AS kind, a.attrelid::regclass || '.' || a.attname AS name,
         concat_ws(' ', c.relkind, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity, pg_get_expr(d.adbin, d.adrelid)) AS text
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
   WHERE c.relnamespace IN (SELECT oid FROM ours) AND a.attnum > 0 AND NOT a.attisdropped AND c.relkind NOT IN ('i', 'I', 'S')
  UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace IN (SELECT oid FROM ours) AND contype <> 'n'
  UNION ALL SELECT 'index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
    FROM pg_index JOIN pg_class c ON c.oid = indexrelid WHERE relnamespace IN (SELECT oid FROM ours)
  UNION ALL SELECT 'view', oid::regclass::text, regexp_replace(pg_get_viewdef(oid), '\\m(orders|totals)\\.', '', 'g')
    FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace IN (SELECT oid FROM ours)
  UNION ALL SELECT 'function', p.oid::regprocedure::text, prosrc FROM pg_proc p
   WHERE pronamespace IN (SELECT oid FROM ours) AND prosrc !~ '^(range|multirange)_constructor'
  UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, replace(pg_get_triggerdef(oid), 'EXECUTE PROCEDURE', 'EXECUTE FUNCTION')
    FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT 'rule', ev_class::regclass || '.' || rulename, pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename <> '_RETURN'
     AND ev_class IN (SELECT oid FROM pg_class WHERE relnamespace IN (SELECT oid FROM ours))
  UNION ALL SELECT 'policy', polrelid::regclass || '.' || polname, pg_get_expr(polqual, polrelid) FROM pg_policy
  UNION ALL SELECT 'inherits', inhrelid::regclass::text, inhparent::regclass || ' ' || coalesce(pg_get_expr(c.relpartbound, c.oid), '')
    FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE c.relkind IN ('r', 'p')
  UNION ALL SELECT 'published', pubname::text, schemaname || '.' || tablename FROM pg_publication_tables
  UNION ALL SELECT 'enum', enumtypid::regtype::text, string_agg(enumlabel, ',' ORDER BY enumsortorder) FROM pg_enum GROUP BY 2
  UNION ALL SELECT 'granted', c.oid::regclass::text, a.grantee || ' ' || a.privilege_type || ' ' || a.is_grantable
    FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee <> c.relowner AND relnamespace IN (SELECT oid FROM ours)
  UNION ALL SELECT 'comment', regexp_replace(pg_describe_object(classoid, objoid, objsubid), '^(table .*) column (.*)$', 'column \\2 of \\1'), description FROM pg_description
   WHERE objoid >= 16384 AND classoid <> 'pg_largeobject'::regclass
  UNION ALL SELECT 'large object', loid::text, md5(string_agg(data, '' ORDER BY pageno)) FROM pg_largeobject GROUP BY 2
  ORDER BY 1, 2, 3`;

/** What a database holds, one line for each object and one for the rows of each table and each sequence. */
export async function describeDatabase(server: PostgresServer, database: string): Promise<string[]> {
  const { rows } = await server.query(database, DEFINITIONS);
  const lines = rows.map(({ kind, name, text }) => `${kind} ${name}: ${text}`);
  const relations = await server.query(
    database,
    `SELECT oid::regclass::text AS name, relkind AS kind FROM pg_class WHERE relkind IN ('r', 'm', 'S')
        AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema') ORDER BY 1`,
  );
  for (const { name, kind } of relations.rows) {
    const sql =
      kind === 'S'
        ? `SELECT last_value || ' ' || is_called AS sum FROM ${name}`
        : `SELECT md5(coalesce(string_agg(t::text, E'\\n' ORDER BY t::text COLLATE "C"), '')) || ' ' || count(*) AS sum FROM ONLY ${name} t`;
    const found = await server.query(database, `SET extra_float_digits = 0; SET TimeZone = 'UTC'; ${sql}`);
    const last = (found as unknown as (typeof found)[]).at(-1);
    lines.push(`rows ${name}: ${last?.rows[0].sum}`);
  }
  return lines;
}
