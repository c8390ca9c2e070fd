import type pg from 'pg';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupContents } from '../target.ts';
import { query } from './connection.ts';
import { quoteIdent, quoteLiteral } from './identifiers.ts';
import { showRoles } from './restore-roles.ts';
import { readScript, withRole } from './restore-text.ts';
import { type MembershipLine, parseRoles, type RoleLine, type RoleSettingsLine } from './roles.ts';
import type { TocEntry } from './toc.ts';

/** The roles of a backup, as far as a target lacks them. */
export interface GlobalsWork {
  /** What makes them, in order. */
  readonly entries: readonly TocEntry[];
  /** Roles that are made. */
  readonly made: readonly string[];
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

const FIRST_VERSION_WITH_GRANT_OPTIONS = 160_000;
/** Settings that hold lists, whose values are written as they are: pg_dump's variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/**
 * What makes the roles of a backup that the target lacks, their memberships, settings and comments. A role that is there stays as
 * it is; memberships are made where one of the two roles is.
 *
 * @param there names of the target's roles
 * @throws E_NO_DATASET where the backup holds no roles, E_SOURCE_DENIED where the login may not make any
 */
export async function planGlobals(
  client: pg.Client,
  contents: BackupContents,
  there: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<GlobalsWork> {
  if (withRole(contents.datasets, 'roles').length === 0)
    throw new HoldfastError('E_NO_DATASET', 'the backup holds no roles', {
      hint: 'Leave out --roles: an earlier release made it, or roles could not be read. Create them by hand.',
    });
  const lines = parseRoles(await readScript(contents, 'roles', signal));
  const roles = lines.filter((line): line is RoleLine => 'role' in line);
  const made = roles.filter(({ role }) => !there.has(role));
  const names = new Set(made.map(({ role }) => role));
  const server = await lookAtServer(client, signal);
  if (made.length > 0 && !server.mayMakeRoles) throw mayNotMake([...names]);
  const known = (role: string) => there.has(role) || names.has(role);
  const grants = lines
    .filter((line): line is MembershipLine => 'member' in line)
    .filter(({ member, of }) => known(member) && known(of) && (names.has(member) || names.has(of)));
  const settings = lines
    .filter((line): line is RoleSettingsLine => 'settingsOf' in line)
    .filter(({ settingsOf }) => names.has(settingsOf));
  const kept = roles.filter(({ role }) => there.has(role)).map(({ role }) => role);
  return {
    entries: [
      ...made.map(makeRole),
      ...settings.flatMap((line) => makeSettings(line, server.database)),
      ...inOrder(grants).map((line) => makeGrant(line, server, known)),
    ],
    made: [...names],
    steps: made.length === 0 ? [] : [`make the roles ${showRoles([...names])}`],
    warnings: [
      ...(kept.length === 0
        ? []
        : [`these roles are there already and stay as they are: ${showRoles(kept)}`]),
      ...withoutPasswords(made),
    ],
  };
}

function withoutPasswords(made: readonly RoleLine[]): readonly string[] {
  const bare = made.filter(({ login, password }) => login && password === undefined).map(({ role }) => role);
  if (bare.length === 0) return [];
  return [`the backup holds no passwords: set one for ${showRoles(bare)} (ALTER ROLE … PASSWORD …)`];
}

interface TargetServer {
  readonly version: number;
  readonly database: string;
  readonly mayMakeRoles: boolean;
}

async function lookAtServer(client: pg.Client, signal: AbortSignal): Promise<TargetServer> {
  const [row] = await query<TargetServer>(
    client,
    `SELECT current_setting('server_version_num')::int AS version, current_database() AS database,
            rolsuper OR rolcreaterole AS "mayMakeRoles"
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
    signal,
  );
  return row ?? { version: 0, database: '', mayMakeRoles: false };
}

function mayNotMake(roles: readonly string[]): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_DENIED',
    `this login may not make roles, and the target lacks ${showRoles(roles)}; nothing was changed`,
    {
      hint: 'Log in with CREATEROLE (a superuser, to make superusers), or leave out --roles and create them by hand.',
    },
  );
}

function entry(name: string, type: string, sql: string): TocEntry {
  return { name, type, schema: '-', owner: '', sql, settings: '' };
}

function makeRole(line: RoleLine): TocEntry {
  const flag = (is: boolean, name: string) => (is ? name : `NO${name}`);
  const { role, connectionLimit, validUntil, password, comment } = line;
  const name = quoteIdent(role);
  const options = [
    flag(line.superuser, 'SUPERUSER'),
    flag(line.inherit, 'INHERIT'),
    flag(line.createRole, 'CREATEROLE'),
    flag(line.createDb, 'CREATEDB'),
    flag(line.login, 'LOGIN'),
    // Only a superuser may say these, be it that they are off.
    ...(line.replication ? ['REPLICATION'] : []),
    ...(line.bypassRls ? ['BYPASSRLS'] : []),
    ...(connectionLimit === -1 ? [] : [`CONNECTION LIMIT ${connectionLimit}`]),
    ...(validUntil === null ? [] : [`VALID UNTIL ${quoteLiteral(validUntil)}`]),
    ...(password === undefined || password === null ? [] : [`PASSWORD ${quoteLiteral(password)}`]),
  ].filter((option) => option !== 'NOSUPERUSER');
  const about = comment === null ? '' : `\nCOMMENT ON ROLE ${name} IS ${quoteLiteral(comment)};`;
  return entry(role, 'ROLE', `CREATE ROLE ${name} WITH ${options.join(' ')};${about}`);
}

function makeSettings(
  { settingsOf, inThisDatabase, values }: RoleSettingsLine,
  database: string,
): TocEntry[] {
  const where = inThisDatabase ? ` IN DATABASE ${quoteIdent(database)}` : '';
  return values.map((text) => {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/s.exec(text) ?? [];
    const written = LISTS.has(name.toLowerCase()) && value !== '' ? value : quoteLiteral(value);
    const quoted = name.split('.').map(quoteIdent).join('.');
    return entry(
      `${settingsOf} ${name}`,
      'ROLE SETTING',
      `ALTER ROLE ${quoteIdent(settingsOf)}${where} SET ${quoted} TO ${written};`,
    );
  });
}

/** Who grants must have the right to by a grant before: those with the right to pass on come first. */
function inOrder(grants: readonly MembershipLine[]): readonly MembershipLine[] {
  return grants.toSorted((a, b) => Number(b.admin) - Number(a.admin));
}

function makeGrant(
  { member, of, grantor, admin, inherit, set }: MembershipLine,
  { version }: TargetServer,
  known: (role: string) => boolean,
): TocEntry {
  const options = [`ADMIN ${admin}`];
  if (inherit !== undefined) options.push(`INHERIT ${inherit}`);
  if (set !== undefined) options.push(`SET ${set}`);
  const more =
    version >= FIRST_VERSION_WITH_GRANT_OPTIONS
      ? ` WITH ${options.join(', ')}`
      : admin
        ? ' WITH ADMIN OPTION'
        : '';
  const by = grantor !== '' && known(grantor) ? ` GRANTED BY ${quoteIdent(grantor)}` : '';
  return entry(
    `${of} to ${member}`,
    'ROLE MEMBERSHIP',
    `GRANT ${quoteIdent(of)} TO ${quoteIdent(member)}${more}${by};`,
  );
}
