import type pg from 'pg';
import { query } from '../connection/connection.ts';
import type { ServerVersion } from '../snapshot/session.ts';
import { displayIdent } from '../text/identifiers.ts';
import { splitSetting } from './role-statements.ts';
import { type MembershipLine, parseRoles, type RoleLine, type RolesLine, readRoles } from './roles.ts';

/** The roles that a server has, as a backup of it would hold them, without passwords. */
export async function readRolesOf(
  client: pg.Client,
  version: ServerVersion,
  signal: AbortSignal,
): Promise<readonly RolesLine[]> {
  await query(client, 'BEGIN READ ONLY', signal);
  const text = await readRoles(client, { version, passwords: false }, signal);
  await query(client, 'ROLLBACK', signal);
  return parseRoles(text.toString());
}

/** How a server's roles are not those of a backup, by the name of the role; passwords and grantors aside. */
export function findDifferences(
  wanted: readonly RolesLine[],
  found: readonly RolesLine[],
): readonly { readonly role: string; readonly what: string }[] {
  const roles = new Map(found.flatMap((line) => ('role' in line ? [[line.role, line]] : [])));
  const others = new Set(found.flatMap(keysOf));
  return wanted.flatMap((line) => {
    if ('role' in line) {
      const what = differingAttributes(line, roles.get(line.role));
      return what.length > 0 ? [{ role: line.role, what: what.join(', ') }] : [];
    }
    const role = 'member' in line ? line.member : 'grantee' in line ? line.grantee : line.settingsOf;
    return keysOf(line).some((key) => !others.has(key)) ? [{ role, what: describe(line) }] : [];
  });
}

function differingAttributes(line: RoleLine, found: RoleLine | undefined): readonly string[] {
  if (!found) return ['it is missing'];
  const { password: _, ...attributes } = line;
  return Object.entries(attributes)
    .filter(([name, value]) => found[name as keyof RoleLine] !== value)
    .map(([name]) => name);
}

/** What must be there too. */
function keysOf(line: RolesLine): readonly string[] {
  if ('role' in line) return [];
  if ('member' in line) return [JSON.stringify([line.of, line.member, line.admin])];
  if ('parameter' in line)
    return [JSON.stringify([line.parameter, line.grantee, line.privilege, line.grantable])];
  return line.values.map((value) =>
    JSON.stringify([line.settingsOf, line.inThisDatabase, ...splitSetting(value)]),
  );
}

/** Without values of settings, which may be secret. */
function describe(line: Exclude<RolesLine, RoleLine>): string {
  if ('parameter' in line) return `its privilege ${line.privilege} on the parameter ${line.parameter}`;
  return 'member' in line ? describeMembership(line) : 'its settings';
}

function describeMembership({ of, admin }: MembershipLine): string {
  return `its membership in ${displayIdent(of)}${admin ? ' with ADMIN OPTION' : ''}`;
}
