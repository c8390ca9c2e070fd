import type pg from 'pg';
import type { RestoreOptions } from '../../target.ts';
import { entryName, isPrivilege, ownerStatement, type TocEntry } from '../pg-dump/toc.ts';
import { displayIdent } from '../text/identifiers.ts';
import { listNames } from './shared-names.ts';

type RoleOptions = Pick<RestoreOptions, 'noOwner' | 'noPrivileges'>;

/** Entries that can be made with the roles that are there. */
export interface EntriesByRoles {
  /** What can be made, as far as roles go. */
  readonly entries: readonly TocEntry[];
  /** Roles that they name and the target lacks. */
  readonly missing: readonly string[];
  /** What is left out with the privileges, as it names roles that are missing. */
  readonly leftOut: readonly TocEntry[];
  /** One sentence for each of these. */
  readonly warnings: readonly string[];
}

/**
 * Looks for the roles that entries name. Without privileges, policies and user mappings are made if their
 * roles are there, and left out if not: a policy for other roles would be another policy.
 *
 * @param there names of the target's roles
 */
export function checkRoles(
  entries: readonly TocEntry[],
  there: ReadonlySet<string>,
  { noOwner = false, noPrivileges = false }: RoleOptions,
): EntriesByRoles {
  const owners = noOwner ? [] : entries.flatMap((entry) => rolesToRestore(entry).owner ?? []);
  const lacking = entries
    .map((entry) => ({ entry, roles: rolesToRestore(entry).needed.filter((role) => !there.has(role)) }))
    .filter(({ entry, roles }) => roles.length > 0 && !(noPrivileges && isPrivilege(entry)));
  const leftOut = noPrivileges ? lacking : [];
  const needed = noPrivileges ? [] : lacking.flatMap(({ roles }) => roles);
  const gone = new Set(leftOut.map(({ entry }) => entry));
  const comments = new Set(
    leftOut.map(({ entry }) => `COMMENT ON POLICY ${POLICY.exec(entry.sql)?.[1]} IS `),
  );
  for (const entry of comments.size === 0 ? [] : entries)
    if (comments.has(/^COMMENT ON POLICY .*? IS (?=')/s.exec(entry.sql)?.[0] ?? '')) gone.add(entry);
  return {
    entries: entries.filter((entry) => !gone.has(entry)),
    missing: [...new Set([...owners.filter((role) => !there.has(role)), ...needed])].sort(),
    leftOut: [...gone],
    warnings: leftOut.map(
      ({ entry, roles }) =>
        `${entryName(entry)} is left out: it names roles that the target lacks: ${showRoles(roles)}`,
    ),
  };
}

/** Names of all roles of a server. */
export async function listRoles(client: pg.Client, signal: AbortSignal): Promise<ReadonlySet<string>> {
  return new Set(await listNames(client, { catalog: 'pg_roles', name: 'rolname' }, signal));
}

/** For messages; a name with spaces or commas in quotes. */
export function showRoles(roles: readonly string[]): string {
  return roles.map(displayIdent).join(', ');
}

const NAME = String.raw`(?:"(?:[^"]|"")+"|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)`;
const QUALIFIED = String.raw`${NAME}(?:\.${NAME})?`;
/** What the policy is called, with its table; whom it is for. */
const POLICY = new RegExp(
  String.raw`^\s*CREATE POLICY (${NAME} ON ${QUALIFIED})(?: AS RESTRICTIVE)?(?: FOR \w+)?(?: TO (${NAME}(?:, ${NAME})*))?`,
);
const MAPPING = new RegExp(String.raw`^\s*CREATE USER MAPPING FOR (${NAME}) SERVER `);
/** Whose privileges they are, and whose default ones. Names of objects, in quotes, may look like this. */
const GRANTED = new RegExp(
  String.raw`\b(?:TO|FROM|FOR ROLE|FOR USER|GRANTED BY|SET SESSION AUTHORIZATION) (${NAME})|${NAME}`,
  'g',
);
/** Not names of roles. */
const KEYWORDS = new Set(['PUBLIC', 'public', 'CURRENT_USER', 'SESSION_USER', '']);

interface RolesOfEntry {
  /** Undefined if the entry sets none. */
  readonly owner: string | undefined;
  /** Whom its privileges, its policy or its mapping are for. */
  readonly needed: readonly string[];
}

/** Roles that an entry needs. */
export function rolesToRestore(entry: TocEntry): RolesOfEntry {
  return {
    owner: ownerStatement(entry.sql) === '' || KEYWORDS.has(entry.owner) ? undefined : entry.owner,
    needed: [...new Set(namedRoles(entry))].filter((role) => !KEYWORDS.has(role)).map(unquoted),
  };
}

function namedRoles(entry: TocEntry): readonly string[] {
  const { type, sql } = entry;
  if (isPrivilege(entry)) return [...sql.matchAll(GRANTED)].map(([, role = '']) => role);
  if (type === 'USER MAPPING') return [MAPPING.exec(sql)?.[1] ?? ''];
  if (type !== 'POLICY') return [];
  return (POLICY.exec(sql)?.[2] ?? '').match(new RegExp(NAME, 'g')) ?? [];
}

function unquoted(role: string): string {
  return role.startsWith('"') ? role.slice(1, -1).replaceAll('""', '"') : role;
}
