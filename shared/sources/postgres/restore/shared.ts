import type pg from 'pg';
import { query } from '../connection/connection.ts';
import type { TocEntry } from '../pg-dump/toc.ts';
import { quoteIdent } from '../text/identifiers.ts';

const ABOUT = new Set(['COMMENT', 'ACL', 'SECURITY LABEL']);

/** Schemas and extensions that the target has and another role owns: they stay as they are, comments and privileges too. */
export async function leaveOthers(
  client: pg.Client,
  entries: readonly TocEntry[],
  present: ReadonlySet<TocEntry>,
  signal: AbortSignal,
): Promise<{ readonly entries: readonly TocEntry[]; readonly warnings: readonly string[] }> {
  const rows = await query<{ type: string; name: string }>(
    client,
    `SELECT 'SCHEMA' AS type, nspname AS name FROM pg_catalog.pg_namespace WHERE NOT pg_catalog.pg_has_role(nspowner, 'USAGE')
      UNION ALL SELECT 'EXTENSION', extname FROM pg_catalog.pg_extension WHERE NOT pg_catalog.pg_has_role(extowner, 'USAGE')`,
    signal,
  );
  const key = (type: string, name: string) => `${type} ${name}`;
  const theirs = new Set(rows.map(({ type, name }) => key(type, name)));
  const subjects = new Map(
    [...present]
      .filter(({ type, name }) => theirs.has(key(type, name)))
      .flatMap(({ type, name }) =>
        [name, quoteIdent(name)].map((written) => [key(type, written), key(type, name)]),
      ),
  );
  const left = entries.filter(({ type, name }) => ABOUT.has(type) && subjects.has(name));
  if (left.length === 0) return { entries, warnings: [] };
  const names = [...new Set(left.map(({ name }) => subjects.get(name)))];
  const [belong, stay] =
    names.length === 1
      ? ['belongs to another role', 'it stays as it is']
      : ['belong to other roles', 'they stay as they are'];
  return {
    entries: entries.filter((entry) => !left.includes(entry)),
    warnings: [`${names.join(', ')} of the target ${belong}: ${stay}`],
  };
}
