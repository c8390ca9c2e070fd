import type pg from 'pg';
import { query } from '../connection/connection.ts';
import { entryName, type TocEntry } from '../pg-dump/toc.ts';
import type { ServerVersion } from '../snapshot/session.ts';
import { quoteIdent, quoteQualified } from '../text/identifiers.ts';
import type { ObjectId } from './conflicts.ts';

/** What goes when objects are dropped with CASCADE. */
export interface Cascade {
  /** Entries of the backup that make again what goes. */
  readonly rebuilt: ReadonlySet<TocEntry>;
  /** Defaults of columns of other tables, which no entry makes by itself. */
  readonly defaults: readonly TocEntry[];
  /** Of all these, what is no part of another: for people. */
  readonly names: readonly string[];
  /** What no entry makes again, as the server describes it: `view public.later`. */
  readonly lost: readonly string[];
  /** Of those, tables and columns: rows go with them. */
  readonly lostRows: readonly string[];
}

/** A restore that takes nothing else with it. */
export const NOTHING_FALLS: Cascade = { rebuilt: new Set(), defaults: [], names: [], lost: [], lostRows: [] };

interface Fallen {
  readonly catalog: string;
  readonly oid: string;
  /** Of a column its number, else 0. */
  readonly subId: number;
  readonly description: string;
  /** Part of another object that goes: an index of a table, the type of its rows. */
  readonly isPart: boolean;
  readonly holdsRows: boolean;
  readonly isSequence: boolean;
  /** Of what belongs to a relation: that, and its own name. */
  readonly schema: string | null;
  readonly relation: string | null;
  readonly name: string | null;
  readonly expression: string | null;
}

const of = (catalog: string) => `'pg_catalog.${catalog}'::pg_catalog.regclass`;

/** What belongs to a relation: its class, id, relation, name, and its expression if it is a default. */
const PART_SQL: readonly { readonly since: ServerVersion; readonly sql: string }[] = [
  {
    since: 0,
    sql: `SELECT ${of('pg_class')}, indexrelid, indrelid, NULL::name, NULL::text FROM pg_catalog.pg_index`,
  },
  {
    since: 0,
    sql: `SELECT ${of('pg_constraint')}, oid, conrelid, conname, NULL FROM pg_catalog.pg_constraint WHERE conrelid <> 0`,
  },
  { since: 0, sql: `SELECT ${of('pg_trigger')}, oid, tgrelid, tgname, NULL FROM pg_catalog.pg_trigger` },
  { since: 0, sql: `SELECT ${of('pg_rewrite')}, oid, ev_class, rulename, NULL FROM pg_catalog.pg_rewrite` },
  {
    since: 0,
    sql: `SELECT ${of('pg_attrdef')}, d.oid, adrelid, attname, pg_catalog.pg_get_expr(adbin, adrelid)
      FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = adrelid AND a.attnum = adnum`,
  },
  { since: 90_500, sql: `SELECT ${of('pg_policy')}, oid, polrelid, polname, NULL FROM pg_catalog.pg_policy` },
  {
    since: 100_000,
    sql: `SELECT ${of('pg_statistic_ext')}, oid, stxrelid, stxname, NULL FROM pg_catalog.pg_statistic_ext`,
  },
  {
    since: 100_000,
    sql: `SELECT ${of('pg_publication_rel')}, r.oid, prrelid, pubname, NULL
      FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid`,
  },
];

/** Rows of pg_depend as DROP … CASCADE follows them: down to what needs an object, and up from a part to its whole. */
const fallenSql = (parts: string) => `
WITH RECURSIVE root AS (
  SELECT r.catalog::pg_catalog.regclass::pg_catalog.oid AS classid, r.oid::pg_catalog.oid AS objid
    FROM ROWS FROM (pg_catalog.unnest($1::text[]), pg_catalog.unnest($2::text[])) AS r(catalog, oid)
), fallen(classid, objid, objsubid) AS (
  SELECT classid, objid, 0 FROM root
  UNION
  SELECT n.classid, n.objid, n.objsubid FROM fallen f, LATERAL (
    SELECT d.classid, d.objid, d.objsubid FROM pg_catalog.pg_depend d
     WHERE d.refclassid = f.classid AND d.refobjid = f.objid AND f.objsubid IN (0, d.refobjsubid) AND d.deptype <> 'p'
    UNION ALL
    SELECT d.refclassid, d.refobjid, d.refobjsubid FROM pg_catalog.pg_depend d
     WHERE d.classid = f.classid AND d.objid = f.objid AND d.deptype = 'i'
       AND (d.refobjsubid = 0 OR d.classid = ${of('pg_attrdef')})) n
), part(classid, objid, relid, name, expression) AS (${parts})
SELECT f.classid::pg_catalog.regclass::text AS catalog, f.objid::text AS oid, f.objsubid AS "subId",
       pg_catalog.pg_describe_object(f.classid, f.objid, f.objsubid) AS description,
       coalesce(p.relid IN (SELECT objid FROM fallen WHERE classid = ${of('pg_class')} AND objsubid = 0), false)
         OR f.objsubid <> 0 AND f.objid IN (SELECT objid FROM fallen WHERE classid = f.classid AND objsubid = 0)
         OR EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN fallen w ON w.classid = d.refclassid AND w.objid = d.refobjid
                     WHERE d.classid = f.classid AND d.objid = f.objid AND f.objsubid = 0
                       AND (d.deptype = 'i' OR d.deptype = 'a' AND c.relkind = 'S')) AS "isPart",
       coalesce(c.relkind IN ('r', 'p', 'f'), false) AS "holdsRows",
       coalesce(c.relkind = 'S', false) AS "isSequence",
       n.nspname AS schema, t.relname AS relation, p.name, p.expression
  FROM fallen f
  LEFT JOIN part p ON p.classid = f.classid AND p.objid = f.objid
  LEFT JOIN pg_catalog.pg_class t ON t.oid = p.relid
  LEFT JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
  LEFT JOIN pg_catalog.pg_class c ON f.classid = ${of('pg_class')} AND c.oid = f.objid
 WHERE NOT EXISTS (SELECT FROM root WHERE root.classid = f.classid AND root.objid = f.objid)`;

/**
 * Asks the target what would go if `roots` were dropped with CASCADE.
 *
 * @param entries of the backup, with the object that the target has of each, if it has one
 */
export async function findCascade(
  client: pg.Client,
  roots: readonly ObjectId[],
  { entries, ids }: { readonly entries: readonly TocEntry[]; readonly ids: ReadonlyMap<TocEntry, ObjectId> },
  signal: AbortSignal,
): Promise<Cascade> {
  if (roots.length === 0) return NOTHING_FALLS;
  const versionSql = `SELECT pg_catalog.current_setting('server_version_num')::int AS version`;
  const [row] = await query<{ version: ServerVersion }>(client, versionSql, signal);
  const parts = PART_SQL.filter(({ since }) => since <= (row?.version ?? 0)).map(({ sql }) => sql);
  const values = [roots.map(({ catalog }) => catalog), roots.map(({ oid }) => oid)];
  const fallen = await query<{ [K in keyof Fallen]: Fallen[K] }>(
    client,
    fallenSql(parts.join(' UNION ALL ')),
    signal,
    { values },
  );
  const byId = new Map([...ids].map(([entry, { catalog, oid }]) => [`${catalog} ${oid}`, entry]));
  const byName = new Map(entries.map((entry) => [keyOf(entry.type, entry.schema, entry.name), entry]));
  const rebuilt = new Set<TocEntry>();
  const named: TocEntry[] = [];
  const left: Fallen[] = [];
  for (const one of fallen) {
    const names = [
      one.subId === 0 ? byId.get(`${one.catalog} ${one.oid}`) : undefined,
      ...keysOf(one).map((key) => byName.get(key)),
    ];
    const entry = names.find((found) => found !== undefined);
    if (entry) rebuilt.add(entry);
    else if (!isPart(one) || one.isSequence) left.push(one);
    if (entry && !isPart(one)) named.push(entry);
  }
  const mayHaveDefaults = !left.some(mayBeInDefault);
  const isAgain = (one: Fallen) => mayHaveDefaults && one.expression !== null;
  const defaults = left.filter(isAgain).map(defaultEntry);
  const lost = left.filter((one) => !isAgain(one) && !isPart(one));
  const describe = (those: readonly Fallen[]) => those.map(({ description }) => description).sort();
  return {
    rebuilt,
    defaults,
    names: [...named, ...defaults].map(entryName).sort(),
    lost: describe(lost.filter(({ holdsRows }) => !holdsRows)),
    lostRows: describe(lost.filter(({ holdsRows }) => holdsRows)),
  };
}

/** Whether it goes and comes with what it is a part of; a publication's tables do not. */
function isPart({ isPart, catalog }: Fallen): boolean {
  return isPart && catalog !== 'pg_publication_rel';
}

/** What the default of a column may need. */
function mayBeInDefault({ isSequence, catalog }: Fallen): boolean {
  return isSequence || ['pg_proc', 'pg_type', 'pg_operator', 'pg_collation'].includes(catalog);
}

/** Types that an entry may have which makes a part of a relation. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  pg_constraint: ['FK CONSTRAINT', 'CONSTRAINT', 'CHECK CONSTRAINT'],
  pg_trigger: ['TRIGGER'],
  pg_rewrite: ['RULE'],
  pg_policy: ['POLICY'],
  pg_attrdef: ['DEFAULT'],
};

const keyOf = (type: string, schema: string, name: string) => JSON.stringify([type, schema, name]);

function keysOf({ catalog, schema, relation, name }: Fallen): string[] {
  if (schema === null) return [];
  if (catalog === 'pg_publication_rel') return [keyOf('PUBLICATION TABLE', schema, `${name} ${relation}`)];
  return (PARTS[catalog] ?? []).map((type) => keyOf(type, schema, `${relation} ${name}`));
}

function defaultEntry({ schema, relation, name, expression }: Fallen): TocEntry {
  const table = quoteQualified(schema ?? '', relation ?? '');
  return {
    name: `${relation} ${name}`,
    type: 'DEFAULT',
    schema: schema ?? '',
    owner: '',
    sql: `ALTER TABLE ONLY ${table} ALTER COLUMN ${quoteIdent(name ?? '')} SET DEFAULT ${expression};`,
    settings: '',
  };
}
