import type pg from 'pg';
import { query } from '../connection/connection.ts';
import { splitStatements } from '../pg-dump/statements.ts';
import type { Toc, TocEntry } from '../pg-dump/toc.ts';
import type { ServerVersion } from '../snapshot/session.ts';

const SET = /^\s*SET (\w+) = /;

/** What pg_dump writes of a newer server, an older one takes for an error, and no row depends on. */
const NEWER: readonly {
  /** The first version that knows it. */
  readonly since: ServerVersion;
  readonly types: ReadonlySet<string>;
  readonly text: RegExp;
  readonly instead: string;
  /** What is lost if it was asked for. */
  readonly lost?: string;
}[] = [
  // Every range type has one; a column of that type fails by itself.
  { since: 140_000, types: new Set(['TYPE']), text: /,\n\s+multirange_type_name = [^\n,]+/, instead: '' },
  {
    since: 140_000,
    types: new Set(['TABLE', 'MATERIALIZED VIEW']),
    text: /^ALTER TABLE [^\n]* SET COMPRESSION \w+;$/,
    instead: '',
    lost: 'the compression of columns',
  },
  {
    since: 170_000,
    types: new Set(['ACL', 'DEFAULT ACL']),
    text: /,MAINTAIN(?=,| ON )/,
    instead: '',
    lost: 'the privilege MAINTAIN',
  },
  { since: 110_000, types: new Set(['TRIGGER']), text: / EXECUTE FUNCTION /, instead: ' EXECUTE PROCEDURE ' },
];

/** Scripts that an older server takes. */
export interface SchemaForServer<Scripts extends readonly Toc[]> {
  readonly scripts: Scripts;
  /** What was asked for and is left out, one sentence each. */
  readonly warnings: readonly string[];
}

/** A schema as the target's version takes it: without settings that it lacks, and without what no row depends on. */
export async function forServer<Scripts extends readonly Toc[]>(
  client: pg.Client,
  scripts: Scripts,
  signal: AbortSignal,
): Promise<SchemaForServer<Scripts>> {
  const sql = `SELECT name, pg_catalog.current_setting('server_version_num')::int AS version FROM pg_catalog.pg_settings`;
  const rows = await query<{ name: string; version: number }>(client, sql, signal);
  const version = rows[0]?.version ?? 0;
  const known = new Set(rows.map(({ name }) => name));
  const rules = NEWER.filter(({ since }) => version < since);
  const lost = new Set<string>();
  const keep = (text: string) =>
    splitStatements(text)
      .filter((statement) => known.has(SET.exec(statement)?.[1] ?? '') || !SET.test(statement))
      .join('');
  const adapt = (entry: TocEntry): TocEntry => {
    let { sql } = entry;
    for (const rule of rules.filter(({ types }) => types.has(entry.type))) {
      const adapted = sql.replaceAll(new RegExp(rule.text, 'gm'), rule.instead);
      if (adapted !== sql && rule.lost) lost.add(rule.lost);
      sql = adapted;
    }
    return { ...entry, sql, settings: keep(entry.settings) };
  };
  const adapted = scripts.map(({ preamble, entries }) => ({
    preamble: keep(preamble),
    entries: entries.map(adapt),
  }));
  const warnings = [...lost].map((what) => `${what} is left out: PostgreSQL ${majorOf(version)} lacks it`);
  return { scripts: adapted as unknown as Scripts, warnings };
}

function majorOf(version: ServerVersion): string {
  const major = Math.floor(version / 10_000);
  return major >= 10 ? String(major) : `${major}.${Math.floor(version / 100) % 100}`;
}
