import type pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { Json } from '../../../core/json.ts';
import { query } from '../connection/connection.ts';
import type { ServerVersion } from '../snapshot/session.ts';
import { isNotConverted } from './shared-names.ts';

/** A role, as a line of the dataset `roles`. */
export interface RoleLine {
  readonly role: string;
  readonly superuser: boolean;
  readonly inherit: boolean;
  readonly createRole: boolean;
  readonly createDb: boolean;
  readonly login: boolean;
  readonly replication: boolean;
  readonly bypassRls: boolean;
  /** -1: no limit. */
  readonly connectionLimit: number;
  readonly validUntil: string | null;
  readonly comment: string | null;
  /** A hash; missing unless it was asked for. */
  readonly password?: string | null;
}

/** That a role is a member of another. */
export interface MembershipLine {
  readonly member: string;
  readonly of: string;
  /** Empty for the superuser that the server was made with, whatever its name, and if the role is gone. */
  readonly grantor: string;
  readonly admin: boolean;
  /** From 16 on. */
  readonly inherit?: boolean;
  readonly set?: boolean;
}

/** Settings of a role, everywhere or in this database. */
export interface RoleSettingsLine {
  readonly settingsOf: string;
  readonly inThisDatabase: boolean;
  /** `name=value`. */
  readonly values: readonly string[];
}

/** That a role may set a parameter of the server, from 15 on. */
export interface ParameterLine {
  readonly parameter: string;
  readonly grantee: string;
  readonly privilege: string;
  readonly grantable: boolean;
}

/** A line of the dataset of roles. */
export type RolesLine = RoleLine | MembershipLine | RoleSettingsLine | ParameterLine;

const FIRST_VERSION_WITH_PARAMETERS = 150_000;
const FIRST_VERSION_WITH_GRANT_OPTIONS = 160_000;
/** pg_authid.dat: the superuser that initdb makes. */
const BOOTSTRAP_SUPERUSER = '10';
const SAVEPOINT = 'holdfast_roles';
const FIRST_VERSION_WITH_BYPASSRLS = 90_500;

/**
 * All roles of the server but the predefined ones, then memberships, then settings; each in an order that does not change. What
 * a database of another encoding named in its own way, and cannot be read in this one, is left out.
 *
 * @param client in a transaction
 * @param options.passwords their hashes too, which superusers alone may read
 * @throws E_SOURCE_DENIED, E_SOURCE_*
 */
export async function readRoles(
  client: pg.Client,
  { version, passwords }: { readonly version: ServerVersion; readonly passwords: boolean },
  signal: AbortSignal,
): Promise<Buffer> {
  await query(client, `SAVEPOINT ${SAVEPOINT}`, signal);
  const roles = await readRoleRows(client, { version, passwords }, signal);
  const names = new Map(roles.map(({ oid, line }) => [oid, line.role]));
  const lines: RolesLine[] = [
    ...roles.map(({ line }) => line).filter(({ role }) => !isPredefined(role)),
    ...(await readMemberships(client, { version, names }, signal)),
    ...(await readSettings(client, names, signal)),
    ...(version >= FIRST_VERSION_WITH_PARAMETERS ? await readParameters(client, names, signal) : []),
  ];
  return Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
}

/** Roles that every server has, and nobody may make. */
function isPredefined(role: string): boolean {
  return role.startsWith('pg_');
}

interface RoleRow {
  readonly oid: string;
  readonly line: RoleLine;
}

async function readRoleRows(
  client: pg.Client,
  { version, passwords }: { readonly version: ServerVersion; readonly passwords: boolean },
  signal: AbortSignal,
): Promise<readonly RoleRow[]> {
  const bypass = version >= FIRST_VERSION_WITH_BYPASSRLS ? 'r.rolbypassrls' : 'false';
  const sql = `SELECT r.oid::text AS oid, r.rolname AS name, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb,
           r.rolcanlogin, r.rolreplication, ${bypass} AS rolbypassrls, r.rolconnlimit, r.rolvaliduntil::text AS until,
           pg_catalog.shobj_description(r.oid, 'pg_authid') AS comment${passwords ? ', a.rolpassword AS password' : ''}
      FROM pg_catalog.pg_roles r${passwords ? ' JOIN pg_catalog.pg_authid a ON a.oid = r.oid' : ''}`;
  const rows = await readConverted(client, sql, signal).catch((error: unknown) => {
    throw passwords && isHoldfastError(error, 'E_SOURCE_DENIED') ? denied(error) : error;
  });
  return rows
    .map((row) => ({ oid: String(row['oid']), line: roleLine(row, passwords) }))
    .sort((a, b) => compare(a.line.role, b.line.role));
}

/** All rows; if one cannot be converted, those of all other roles. `r` is pg_roles in the statement. */
async function readConverted(
  client: pg.Client,
  sql: string,
  signal: AbortSignal,
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const read = async (where: string) => {
    try {
      return await query<Record<string, unknown>>(client, sql + where, signal, { object: 'the roles' });
    } catch (error) {
      if (isNotConverted(error))
        // The error has ended the transaction up to there.
        return void (await query(client, `ROLLBACK TO SAVEPOINT ${SAVEPOINT}`, signal));
      throw error;
    }
  };
  const all = await read('');
  if (all !== undefined) return all;
  const oids = await query<{ oid: string }>(
    client,
    'SELECT oid::text AS oid FROM pg_catalog.pg_roles',
    signal,
  );
  const rows: Record<string, unknown>[] = [];
  for (const { oid } of oids) rows.push(...((await read(` WHERE r.oid = ${Number(oid)}`)) ?? []));
  return rows;
}

function denied(cause: HoldfastError): HoldfastError {
  return new HoldfastError('E_SOURCE_DENIED', 'the passwords of roles may not be read by this login', {
    cause,
    hint: 'Leave out rolePasswords, or log in as a superuser; managed services show them to nobody.',
  });
}

function roleLine(row: Readonly<Record<string, unknown>>, passwords: boolean): RoleLine {
  const text = (name: string) => (row[name] === null ? null : String(row[name]));
  return {
    role: String(row['name']),
    superuser: row['rolsuper'] === true,
    inherit: row['rolinherit'] === true,
    createRole: row['rolcreaterole'] === true,
    createDb: row['rolcreatedb'] === true,
    login: row['rolcanlogin'] === true,
    replication: row['rolreplication'] === true,
    bypassRls: row['rolbypassrls'] === true,
    connectionLimit: Number(row['rolconnlimit']),
    validUntil: text('until'),
    comment: text('comment'),
    ...(passwords ? { password: text('password') } : {}),
  };
}

async function readMemberships(
  client: pg.Client,
  { version, names }: { readonly version: ServerVersion; readonly names: ReadonlyMap<string, string> },
  signal: AbortSignal,
): Promise<readonly MembershipLine[]> {
  const more = version >= FIRST_VERSION_WITH_GRANT_OPTIONS;
  const rows = await query<{
    of: string;
    member: string;
    grantor: string;
    admin: boolean;
    inherit?: boolean;
    set?: boolean;
  }>(
    client,
    `SELECT roleid::text AS of, member::text AS member, grantor::text AS grantor, admin_option AS admin
            ${more ? ', inherit_option AS inherit, set_option AS set' : ''}
       FROM pg_catalog.pg_auth_members`,
    signal,
  );
  return rows
    .flatMap(({ of, member, grantor, ...options }): MembershipLine[] => {
      const [group, one] = [names.get(of), names.get(member)];
      if (group === undefined || one === undefined || (isPredefined(one) && isPredefined(group))) return [];
      const by = grantor === BOOTSTRAP_SUPERUSER ? undefined : names.get(grantor);
      return [{ member: one, of: group, grantor: by ?? '', ...options }];
    })
    .sort((a, b) => compare(a.of, b.of) || compare(a.member, b.member) || compare(a.grantor, b.grantor));
}

async function readSettings(
  client: pg.Client,
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<readonly RoleSettingsLine[]> {
  const sql = `SELECT r.oid::text AS role, s.setdatabase <> 0 AS here, s.setconfig AS values
      FROM pg_catalog.pg_db_role_setting s
      JOIN pg_catalog.pg_roles r ON r.oid = s.setrole AND (s.setdatabase = 0 OR s.setdatabase =
           (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))`;
  const rows = (await readConverted(client, sql, signal)) as readonly {
    readonly role: string;
    readonly here: boolean;
    readonly values: readonly string[];
  }[];
  return rows
    .flatMap(({ role, here, values }) => {
      const settingsOf = names.get(role);
      return settingsOf === undefined ? [] : [{ settingsOf, inThisDatabase: here, values }];
    })
    .sort(
      (a, b) => compare(a.settingsOf, b.settingsOf) || Number(a.inThisDatabase) - Number(b.inThisDatabase),
    );
}

async function readParameters(
  client: pg.Client,
  names: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<readonly ParameterLine[]> {
  const rows = await query<Omit<ParameterLine, 'grantee'> & { readonly oid: string }>(
    client,
    `SELECT p.parname AS parameter, a.grantee::text AS oid, a.privilege_type AS privilege, a.is_grantable AS grantable
       FROM pg_catalog.pg_parameter_acl p, pg_catalog.aclexplode(p.paracl) a`,
    signal,
  );
  return rows
    .flatMap(({ oid, parameter, privilege, grantable }) => {
      const grantee = oid === BOOTSTRAP_SUPERUSER ? undefined : names.get(oid);
      return grantee === undefined ? [] : [{ parameter, grantee, privilege, grantable }];
    })
    .sort(
      (a, b) =>
        compare(a.parameter, b.parameter) ||
        compare(a.grantee, b.grantee) ||
        compare(a.privilege, b.privilege),
    );
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** The lines of the dataset again. @throws E_DAMAGED if they are not such lines */
export function parseRoles(text: string): readonly RolesLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const parsed = JSON.parse(line) as Json;
      const isKnown =
        typeof parsed === 'object' &&
        parsed !== null &&
        ('role' in parsed || 'member' in parsed || 'settingsOf' in parsed || 'parameter' in parsed);
      if (!isKnown)
        throw new HoldfastError('E_DAMAGED', 'the roles of the backup have a line that is not about a role');
      return parsed as unknown as RolesLine;
    });
}
