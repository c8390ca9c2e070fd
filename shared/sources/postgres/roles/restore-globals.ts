import type pg from 'pg';
import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents } from '../../contents.ts';
import { query } from '../connection/connection.ts';
import type { TocEntry } from '../pg-dump/toc.ts';
import { readScript, withRole } from '../restore/text.ts';
import type { ServerVersion } from '../snapshot/session.ts';
import { findDifferences, readRolesOf } from './restore-globals-check.ts';
import { showRoles } from './restore-roles.ts';
import {
  grantsInOrder,
  makeGrant,
  makeParameterGrant,
  makeRole,
  makeSettings,
  settingName,
} from './role-statements.ts';
import {
  type MembershipLine,
  type ParameterLine,
  parseRoles,
  type RoleLine,
  type RoleSettingsLine,
  type RolesLine,
} from './roles.ts';

const FIRST_VERSION_WITH_PARAMETERS = 150_000;

/** The roles of a backup, as far as a target lacks them. */
export interface GlobalsWork {
  /** What makes them, in order. */
  readonly entries: readonly TocEntry[];
  /** Roles that are made. */
  readonly made: readonly string[];
  /** What the target must have afterwards. */
  readonly wanted: readonly RolesLine[];
  readonly version: ServerVersion;
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * What makes the roles of a backup that the target lacks, their memberships, settings and comments. A role
 * that is there stays as it is; memberships are made if one of the two roles is.
 *
 * @param there names of the target's roles
 * @throws E_NO_DATASET if the backup holds no roles, E_SOURCE_DENIED if the login may not make any
 */
export async function planGlobals(
  client: pg.Client,
  contents: BackupContents,
  there: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<GlobalsWork> {
  const lines = parseRoles(await readRolesDataset(contents, signal));
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
  const isKnown = (text: string) => {
    const name = settingName(text);
    return name.includes('.') || server.settings.includes(name.toLowerCase());
  };
  const kept = roles.filter(({ role }) => there.has(role));
  const others = kept.length === 0 ? [] : await readRolesOf(client, server.version, signal);
  const parameters = chooseParameters(lines, names, server);
  const settable = settings.map((line) => ({ ...line, values: line.values.filter(isKnown) }));
  return {
    version: server.version,
    wanted: [...made, ...settable, ...grants, ...parameters.given],
    entries: [
      ...made.map(makeRole),
      ...settable.flatMap((line) => makeSettings(line, server.database)),
      ...grantsInOrder(grants).map((line) => makeGrant(line, server, known)),
      ...parameters.given.map(makeParameterGrant),
    ],
    made: [...names],
    steps: [
      ...(made.length === 0 ? [] : [`make the roles ${showRoles([...names])}`]),
      ...(grants.length === 0 ? [] : [`grant roles: ${grants.map(showGrant).join(', ')}`]),
    ],
    warnings: [
      ...(kept.length === 0
        ? []
        : [`these roles are there already and stay as they are: ${showRoles(kept.map(({ role }) => role))}`]),
      ...findDifferences(kept, others).map(
        ({ role, what }) => `the existing role ${showRoles([role])} differs from the backup: ${what}`,
      ),
      ...parameters.warnings,
      ...unknownSettings(settings, isKnown),
      ...withoutPasswords(made),
    ],
  };
}

/** All roles of a backup, as a superuser makes them on a server like that of the backup but for settings in one database. */
export async function rolesSql(contents: BackupContents, signal: AbortSignal): Promise<string> {
  const lines = parseRoles(await readRolesDataset(contents, signal));
  const of = <Line extends RolesLine>(is: (line: RolesLine) => line is Line) => lines.filter(is);
  const grants = of((line): line is MembershipLine => 'member' in line);
  const version = grants.some(({ inherit }) => inherit !== undefined) ? 160_000 : 0;
  const settings = of((line): line is RoleSettingsLine => 'settingsOf' in line);
  const entries = [
    ...of((line): line is RoleLine => 'role' in line).map(makeRole),
    ...settings.filter((line) => !line.inThisDatabase).flatMap((line) => makeSettings(line, '')),
    ...grantsInOrder(grants).map((line) => makeGrant(line, { version, isSuperuser: true }, () => true)),
    ...of((line): line is ParameterLine => 'parameter' in line).map(makeParameterGrant),
  ];
  return entries.map(({ sql }) => `${sql}\n`).join('');
}

async function readRolesDataset(contents: BackupContents, signal: AbortSignal): Promise<string> {
  if (withRole(contents.datasets, 'roles').length === 0)
    throw new HoldfastError('E_NO_DATASET', 'the backup holds no roles', {
      hint: 'Leave out --roles: an earlier release made it, or roles could not be read. Create them by hand.',
    });
  return readScript(contents, 'roles', signal);
}

/** Reads the roles back that were made. @returns a sentence for each that is not as in the backup */
export async function checkGlobals(
  client: pg.Client,
  { wanted, version }: GlobalsWork,
  signal: AbortSignal,
): Promise<readonly { readonly object: string; readonly message: string }[]> {
  if (wanted.length === 0) return [];
  return findDifferences(wanted, await readRolesOf(client, version, signal)).map(({ role, what }) => ({
    object: `ROLE ${role}`,
    message: `the role ${showRoles([role])} is not as in the backup: ${what}`,
  }));
}

function showGrant({ member, of }: MembershipLine): string {
  return `${showRoles([of])} to ${showRoles([member])}`;
}

/** Those of roles that are made; they are a superuser's to give, and servers before 15 have none. */
function chooseParameters(
  lines: readonly RolesLine[],
  made: ReadonlySet<string>,
  { version, isSuperuser }: TargetServer,
): { readonly given: readonly ParameterLine[]; readonly warnings: readonly string[] } {
  const all = lines
    .filter((line): line is ParameterLine => 'parameter' in line)
    .filter(({ grantee }) => made.has(grantee));
  if (version >= FIRST_VERSION_WITH_PARAMETERS && isSuperuser) return { given: all, warnings: [] };
  const why = isSuperuser ? 'the target lacks such privileges' : 'only a superuser may give it';
  return {
    given: [],
    warnings: all.map(
      ({ privilege, parameter, grantee }) =>
        `the privilege ${privilege} on the parameter ${parameter} of the role ${showRoles([grantee])} is left out: ${why}`,
    ),
  };
}

/** Names only: values may be secret. */
function unknownSettings(
  lines: readonly RoleSettingsLine[],
  isKnown: (text: string) => boolean,
): readonly string[] {
  return lines.flatMap(({ settingsOf, values }) =>
    values
      .filter((text) => !isKnown(text))
      .map(
        (text) =>
          `the setting ${settingName(text)} of the role ${showRoles([settingsOf])} is left out: the target lacks it`,
      ),
  );
}

function withoutPasswords(made: readonly RoleLine[]): readonly string[] {
  const bare = made.filter(({ login, password }) => login && password === undefined).map(({ role }) => role);
  if (bare.length === 0) return [];
  return [`the backup holds no passwords: set one for ${showRoles(bare)} (ALTER ROLE … PASSWORD …)`];
}

/** What is known of a server before anything is written. */
export interface TargetServer {
  readonly version: number;
  readonly database: string;
  readonly mayMakeRoles: boolean;
  readonly isSuperuser: boolean;
  /** Names, in lower case. */
  readonly settings: readonly string[];
}

async function lookAtServer(client: pg.Client, signal: AbortSignal): Promise<TargetServer> {
  const [row] = await query<TargetServer>(
    client,
    `SELECT current_setting('server_version_num')::int AS version, current_database() AS database,
            rolsuper OR rolcreaterole AS "mayMakeRoles", rolsuper AS "isSuperuser",
            (SELECT array_agg(pg_catalog.lower(name)) FROM pg_catalog.pg_settings) AS settings
       FROM pg_catalog.pg_roles WHERE rolname = current_user`,
    signal,
  );
  return row ?? { version: 0, database: '', mayMakeRoles: false, isSuperuser: false, settings: [] };
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
