import { HoldfastError } from '../../../core/errors.ts';
import type { Session } from './connection.ts';

/** Rights of the session's user, as far as they hold for a whole database or server. */
export interface Grants {
  readonly global: ReadonlySet<string>;
  readonly database: ReadonlySet<string>;
  /** Taken away from this database again, though they hold for the server (partial revokes of MySQL). */
  readonly revoked: ReadonlySet<string>;
  /** For the whole of the server's own database `mysql`, or its tables of routines. */
  readonly seesRoutines: boolean;
}

const LINE = /^GRANT (.+?) ON (?:(?:TABLE|PROCEDURE|FUNCTION) )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO /;
const REVOKED = /^REVOKE (.+?) ON (`(?:[^`]|``)*`)\.\* FROM /;

/** Reads what the user may do, roles that are in force included. */
export async function readGrants(session: Session, database: string, signal: AbortSignal): Promise<Grants> {
  const rows = await session.query('SHOW GRANTS', signal);
  const lines = rows.flatMap((row) => Object.values(row).filter((value) => value !== null));
  return parseGrants([...lines, ...(await grantsOfRoles(session, signal))], database);
}

/** MariaDB shows those of the role in force by its name alone; MySQL needs them named. */
async function grantsOfRoles(session: Session, signal: AbortSignal): Promise<readonly string[]> {
  if (session.isMariaDb) return [];
  const [row] = await session.query('SELECT CURRENT_ROLE() AS roles', signal).catch(() => []);
  const roles = row?.['roles'];
  if (roles === undefined || roles === null || roles === 'NONE') return [];
  const rows = await session.query(`SHOW GRANTS FOR CURRENT_USER() USING ${roles}`, signal);
  return rows.flatMap((one) => Object.values(one).filter((value) => value !== null));
}

export function parseGrants(lines: readonly string[], database: string): Grants {
  const granted = lines.flatMap((line) => {
    const [, rights = '', on, table] = LINE.exec(line) ?? [];
    return on === undefined ? [] : [{ rights: namesOf(rights), on, table }];
  });
  const rightsOf = (
    isMeant: (grant: { readonly on: string; readonly table: string | undefined }) => boolean,
  ) => new Set(granted.filter(isMeant).flatMap(({ rights }) => rights));
  const global = rightsOf(({ on }) => on === '*');
  const ofDatabase = rightsOf(({ on, table }) => table === '*' && matches(on, database));
  const ofMysql = rightsOf(({ on, table }) => matches(on, 'mysql') && (table === '*' || table === '`proc`'));
  const revoked = lines.flatMap((line) => {
    const [, rights = '', on = ''] = REVOKED.exec(line) ?? [];
    return matches(on, database) ? namesOf(rights) : [];
  });
  const has = (rights: ReadonlySet<string>, ...names: readonly string[]) =>
    names.some((name) => rights.has(name) || rights.has('ALL PRIVILEGES'));
  return {
    global,
    database: ofDatabase,
    revoked: new Set(revoked),
    seesRoutines:
      has(global, 'SELECT', 'SHOW_ROUTINE') ||
      has(ofMysql, 'SELECT') ||
      has(ofDatabase, 'SHOW CREATE ROUTINE'),
  };
}

/** Whether the right holds for all of the database. */
export function isGranted({ global, database, revoked }: Grants, right: string): boolean {
  if (revoked.has(right) && !database.has(right)) return false;
  return [global, database].some((rights) => rights.has(right) || rights.has('ALL PRIVILEGES'));
}

/** Of the server: rights that are for no single database. */
export function isGrantedGlobally({ global }: Grants, right: string): boolean {
  return global.has(right) || global.has('ALL PRIVILEGES') || global.has('SUPER');
}

/** What a user must be allowed for nothing to stay unseen: what it may not see, the server does not list either. */
const NEEDED = ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT'] as const;

/**
 * @throws E_SOURCE_DENIED if there may be tables, views, triggers, events or routines that this user cannot see
 */
export function checkGrants(grants: Grants, database: string): void {
  const missing: string[] = NEEDED.filter((right) => !isGranted(grants, right));
  const seesNames = grants.seesRoutines || isGranted(grants, 'EXECUTE') || isGranted(grants, 'ALTER ROUTINE');
  if (!seesNames) missing.push('EXECUTE');
  if (missing.length === 0) return;
  throw new HoldfastError(
    'E_SOURCE_DENIED',
    `the user lacks ${missing.join(', ')} on the whole database ${database}: what it may not see would be missing from the backup`,
    { hint: `GRANT ${missing.join(', ')} ON ${quoted(database)}.* TO the user.` },
  );
}

function quoted(database: string): string {
  return `\`${database.replaceAll('`', '``').replaceAll('_', '\\_')}\``;
}

/** `SELECT (a, b), INSERT` gives INSERT alone: rights on single columns are none on the table. */
function namesOf(rights: string): string[] {
  return rights
    .replaceAll(/([A-Z_ ]+?) \([^)]*\)/g, '')
    .split(',')
    .map((name) => name.trim().toUpperCase())
    .filter((name) => name !== '');
}

/** Names of databases in grants are patterns. */
function matches(quotedPattern: string, database: string): boolean {
  if (!quotedPattern.startsWith('`')) return false;
  const pattern = quotedPattern.slice(1, -1).replaceAll('``', '`');
  const source = pattern.replaceAll(/\\([\\%_])|([%_])|([.*+?^${}()|[\]\\])/g, (_, escaped, wild, special) =>
    escaped !== undefined ? literal(escaped) : wild === '%' ? '.*' : wild === '_' ? '.' : literal(special),
  );
  return new RegExp(`^${source}$`, 'su').test(database);
}

function literal(character: string): string {
  return /[.*+?^${}()|[\]\\]/.test(character) ? `\\${character}` : character;
}
