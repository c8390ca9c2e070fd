import type pg from 'pg';
import type { RestoreOptions } from '../target.ts';
import { query } from './connection.ts';
import { rolesOf, type TocEntry } from './toc.ts';

/** Roles that the entries name and the server has not. */
export async function findMissingRoles(
  client: pg.Client,
  entries: readonly TocEntry[],
  { noOwner = false, noPrivileges = false }: Pick<RestoreOptions, 'noOwner' | 'noPrivileges'>,
  signal: AbortSignal,
): Promise<string[]> {
  const wanted = new Set(
    entries.flatMap((entry) => rolesOf(entry, { owners: !noOwner, privileges: !noPrivileges })),
  );
  const rows = await query<{ rolname: string }>(client, 'SELECT rolname FROM pg_catalog.pg_roles', signal);
  const there = new Set(rows.map(({ rolname }) => rolname));
  return [...wanted].filter((role) => !there.has(role)).sort();
}
