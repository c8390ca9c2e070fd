import type { TocEntry } from '../pg-dump/toc.ts';
import { quoteIdent, quoteLiteral } from '../text/identifiers.ts';
import type { MembershipLine, ParameterLine, RoleLine, RoleSettingsLine } from './roles.ts';

const FIRST_VERSION_WITH_GRANT_OPTIONS = 160_000;
/** Settings that hold lists of names, each written separately: pg_dump's variable_is_guc_list_quote. */
const LISTS = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/** Those in which names without quotes are read in lower case. */
const FOLDED = new Set(['search_path', 'temp_tablespaces']);

function entry(name: string, type: string, sql: string): TocEntry {
  return { name, type, schema: '-', owner: '', sql, settings: '' };
}

/** The statement that makes a role. */
export function makeRole(line: RoleLine): TocEntry {
  const flag = (is: boolean, name: string) => (is ? name : `NO${name}`);
  const { role, connectionLimit, validUntil, password, comment } = line;
  const name = quoteIdent(role);
  const options = [
    // Only a superuser may say these, be it that they are off.
    ...(line.superuser ? ['SUPERUSER'] : []),
    ...(line.replication ? ['REPLICATION'] : []),
    ...(line.bypassRls ? ['BYPASSRLS'] : []),
    flag(line.inherit, 'INHERIT'),
    flag(line.createRole, 'CREATEROLE'),
    flag(line.createDb, 'CREATEDB'),
    flag(line.login, 'LOGIN'),
    ...(connectionLimit === -1 ? [] : [`CONNECTION LIMIT ${connectionLimit}`]),
    ...(validUntil === null ? [] : [`VALID UNTIL ${quoteLiteral(validUntil)}`]),
    ...(password === undefined || password === null ? [] : [`PASSWORD ${quoteLiteral(password)}`]),
  ];
  const about = comment === null ? '' : `\nCOMMENT ON ROLE ${name} IS ${quoteLiteral(comment)};`;
  return entry(role, 'ROLE', `CREATE ROLE ${name} WITH ${options.join(' ')};${about}`);
}

/** Of `name=value`. */
export function settingName(text: string): string {
  return text.slice(0, text.indexOf('='));
}

/** Statements for settings of a role. */
export function makeSettings(
  { settingsOf, inThisDatabase, values }: RoleSettingsLine,
  database: string,
): TocEntry[] {
  const where = inThisDatabase ? ` IN DATABASE ${quoteIdent(database)}` : '';
  return values.map((text) => {
    const [name, ...parts] = splitSetting(text);
    const quoted = name.split('.').map(quoteIdent).join('.');
    return entry(
      `${settingsOf} ${name}`,
      'ROLE SETTING',
      `ALTER ROLE ${quoteIdent(settingsOf)}${where} SET ${quoted} TO ${parts.map(quoteLiteral).join(', ')};`,
    );
  });
}

/** The name of the setting and its value, or the names of the list that its value is. */
export function splitSetting(text: string): readonly [string, ...string[]] {
  const name = settingName(text);
  const value = text.slice(name.length + 1);
  const kind = name.toLowerCase();
  return LISTS.has(kind) ? [name, ...splitList(value, FOLDED.has(kind))] : [name, value];
}

/**
 * The names of a list. Each is written as a constant of its own: a list that `ALTER ROLE … FROM CURRENT` stored is as its
 * role wrote it, and as SQL it would be run with the rights of the restore.
 */
function splitList(value: string, isFolded: boolean): readonly string[] {
  const names = value.match(/"(?:[^"]|"")*"|[^\s,"][^\s,]*/g) ?? [''];
  return names.map((name) => {
    if (name.startsWith('"')) return name.slice(1, -1).replaceAll('""', '"');
    return isFolded ? name.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()) : name;
  });
}

/** Who grants must have the right to by a grant before. Those that nothing makes possible come last. */
export function grantsInOrder(grants: readonly MembershipLine[]): readonly MembershipLine[] {
  const key = (of: string, role: string) => JSON.stringify([of, role]);
  const waiting = new Map<string, MembershipLine[]>();
  for (const grant of grants) {
    const by = key(grant.of, grant.grantor);
    waiting.set(by, [...(waiting.get(by) ?? []), grant]);
  }
  const ordered: MembershipLine[] = [];
  const release = (by: string) => {
    const next = waiting.get(by) ?? [];
    waiting.delete(by);
    ordered.push(...next);
    for (const { of, member, admin } of next) if (admin) release(key(of, member));
  };
  for (const { of } of grants) release(key(of, ''));
  return [...ordered, ...[...waiting.values()].flat()];
}

/** @param known whether a role is there, or will be */
export function makeGrant(
  { member, of, grantor, admin, inherit, set }: MembershipLine,
  { version, isSuperuser }: { readonly version: number; readonly isSuperuser: boolean },
  known: (role: string) => boolean,
): TocEntry {
  const isNew = version >= FIRST_VERSION_WITH_GRANT_OPTIONS;
  const options = [`ADMIN ${admin}`];
  if (inherit !== undefined) options.push(`INHERIT ${inherit}`);
  if (set !== undefined) options.push(`SET ${set}`);
  const more = isNew ? ` WITH ${options.join(', ')}` : admin ? ' WITH ADMIN OPTION' : '';
  // Before 16 a grantor needed no right to grant, as it does from then on; others than superusers grant for themselves.
  const isNamed = grantor !== '' && known(grantor) && isSuperuser && !(isNew && inherit === undefined);
  const by = isNamed ? ` GRANTED BY ${quoteIdent(grantor)}` : '';
  return entry(
    `${of} to ${member}`,
    'ROLE MEMBERSHIP',
    `GRANT ${quoteIdent(of)} TO ${quoteIdent(member)}${more}${by};`,
  );
}

/** The statement that lets a role change a parameter. */
export function makeParameterGrant({ parameter, grantee, privilege, grantable }: ParameterLine): TocEntry {
  const name = parameter.split('.').map(quoteIdent).join('.');
  const more = grantable ? ' WITH GRANT OPTION' : '';
  return entry(
    `${parameter} to ${grantee}`,
    'PARAMETER',
    `GRANT ${privilege} ON PARAMETER ${name} TO ${quoteIdent(grantee)}${more};`,
  );
}
