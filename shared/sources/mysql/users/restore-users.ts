import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { BackupContents } from '../../contents.ts';
import type { RestoreFailure } from '../../target.ts';
import type { Session } from '../connection/connection.ts';
import { readGrants } from '../connection/grants.ts';
import { errorNumber } from '../errors.ts';
import { quoteName } from '../text/identifiers.ts';
import { type Account, readAccounts, readStoredUsers } from './accounts.ts';

/** The users of a backup, as far as a target lacks them. */
export interface UsersWork {
  /** Those that get rights: they are made, or a restore that broke off has made them. */
  readonly made: readonly Account[];
  /** Of these, the names of those that are there. */
  readonly begun: ReadonlySet<string>;
  /** Memberships that others get in roles that are made. */
  readonly joining: readonly string[];
  /** Definitions are written as in the backup: product and release are the same. */
  readonly isSameRelease: boolean;
  /** Who restores, as `` `ana`@`%` ``. */
  readonly self: string;
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

export interface UsersOptions {
  readonly signal: AbortSignal;
  readonly onFailure: ((failure: RestoreFailure) => void) | undefined;
  readonly onWarning: (message: string) => void;
}

/**
 * What makes the users and roles of a backup that the target lacks. Those that are there stay as they are.
 *
 * @throws E_NO_DATASET if the backup holds none; E_SOURCE_DENIED if this user may not make any; E_SOURCE_UNSUPPORTED for
 *   those of another product
 */
export async function planUsers(
  session: Session,
  contents: BackupContents,
  { server, database }: { readonly server: string; readonly database: string },
  signal: AbortSignal,
): Promise<UsersWork> {
  const stored = await readStoredUsers(contents, signal);
  checkProduct(contents.server, session);
  const { accounts, ignored } = await readAccounts(session, signal);
  const present = new Map(accounts.map((account) => [account.account, account] as const));
  const isThere = ({ account }: Account) => present.has(account) || ignored.includes(account);
  const isBegun = (account: Account) => isBare(account, present.get(account.account));
  const made = stored.filter((account) => !isThere(account) || isBegun(account));
  const [self] = await session.query<{ user: string }>('SELECT CURRENT_USER() AS user', signal);
  const grants = await readGrants(session, database, signal);
  const mayMake = ['CREATE USER', 'ALL PRIVILEGES'].some((right) => grants.global.has(right));
  if (made.length > 0 && !mayMake) throw mayNotMake(made);
  const names = new Set(made.map(({ account }) => account));
  const kept = stored.filter(({ account }) => !names.has(account));
  const joining = kept.flatMap(({ roles }) => roles.filter((line) => names.has(roleOf(line))));
  const isSameRelease = releaseOf(contents.server) === releaseOf(server);
  const different = isSameRelease
    ? kept.filter((account) => isDifferent(account, present.get(account.account)))
    : [];
  return {
    made,
    begun: new Set(made.filter(isBegun).map(({ account }) => account)),
    joining,
    isSameRelease,
    self: quotedSelf(self?.user ?? ''),
    steps: made.length === 0 ? [] : [`make the users ${show(made)}; at the end, grant them their rights`],
    warnings: [
      ...(kept.length === 0 ? [] : [`these users are there already and stay as they are: ${show(kept)}`]),
      ...(different.length === 0
        ? []
        : [`of these, the password, settings, rights or roles differ from the backup: ${show(different)}`]),
    ],
  };
}

/**
 * Makes users and roles, which can do nothing yet: all, or none of them.
 *
 * @throws E_SOURCE_*, without a word of a password
 */
export async function makeUsers(
  session: Session,
  { made, begun }: UsersWork,
  signal: AbortSignal,
): Promise<void> {
  const done: Account[] = [];
  try {
    for (const account of made.filter((one) => !begun.has(one.account))) {
      for (const [i, sql] of account.create.entries()) {
        await runSecret(session, sql, account.account, signal);
        if (i === 0) done.push(account);
      }
    }
  } catch (error) {
    for (const { account, create } of done.toReversed())
      await session
        .query(`DROP ${create[0]?.startsWith('CREATE ROLE ') ? 'ROLE' : 'USER'} ${account}`, signal)
        .catch(() => undefined);
    throw error;
  }
}

/** What they may do: what it names must be there by now. */
export async function grantRights(session: Session, work: UsersWork, options: UsersOptions): Promise<void> {
  const { made, joining } = work;
  const leftOut = new Set<string>();
  for (const { account, rights } of made)
    for (const sql of rights) if (!(await grant(session, sql, account, options))) leftOut.add(sql);
  for (const sql of [...made.flatMap(({ roles }) => roles), ...joining])
    await grant(session, sql, sql.slice(sql.lastIndexOf(' TO ') + 4), options);
  for (const { account, defaults } of made)
    for (const sql of defaults) await grant(session, sql, account, options);
  await leaveRoles(session, work, options);
  await checkUsers(session, work, leftOut, options);
}

/** MariaDB makes who makes a role its first member. */
async function leaveRoles(
  session: Session,
  { made, joining, self }: UsersWork,
  { signal }: UsersOptions,
): Promise<void> {
  if (!session.isMariaDb) return;
  const own = (await session.query('SHOW GRANTS', signal)).flatMap((row) => Object.values(row));
  const wanted = new Set([...made.flatMap(({ roles }) => roles), ...joining]);
  for (const { account } of made) {
    const membership = `GRANT ${account} TO ${self}`;
    const withAdmin = `${membership} WITH ADMIN OPTION`;
    if (!own.includes(withAdmin) || wanted.has(withAdmin)) continue;
    const what = wanted.has(membership) ? `ADMIN OPTION FOR ${account}` : account;
    await session.query(`REVOKE ${what} FROM ${self}`, signal, { object: `the role ${account}` });
  }
}

/** Reads back what was made. */
async function checkUsers(
  session: Session,
  { made, isSameRelease }: UsersWork,
  leftOut: ReadonlySet<string>,
  { signal, onFailure }: UsersOptions,
): Promise<void> {
  const { accounts } = await readAccounts(session, signal);
  const found = new Map(accounts.map((account) => [account.account, account] as const));
  for (const one of made) {
    const account = { ...one, rights: one.rights.filter((sql) => !leftOut.has(sql)) };
    const other = found.get(account.account);
    const isWrong = isSameRelease ? isDifferent(account, other) : other === undefined;
    if (!isWrong) continue;
    const message = `the user ${account.account} is not as in the backup: see SHOW CREATE USER and SHOW GRANTS`;
    if (!onFailure) throw new HoldfastError('E_RESTORE_DIFFERS', message);
    onFailure({ object: `USER ${account.account}`, message });
  }
}

/** Of tables, columns and routines that are not there. */
const NOTHING_THERE = new Set([1146, 1054, 1305, 1049]);

/** @returns false if the server lacks what it is about */
async function grant(
  session: Session,
  sql: string,
  account: string,
  { signal, onFailure, onWarning }: UsersOptions,
): Promise<boolean> {
  try {
    await session.query(sql, signal, { object: `the rights of ${account}` });
  } catch (error) {
    const number = errorNumber(error);
    if (number === undefined || !isHoldfastError(error)) throw error;
    if (NOTHING_THERE.has(number)) {
      onWarning(`left out, as the server lacks what it names: ${sql}`);
      return false;
    }
    if (!onFailure) throw error;
    onFailure({ object: `USER ${account}`, message: error.message });
  }
  return true;
}

/** What a server says of a statement may quote it. These say no more than their number does. */
const SAFE_TO_SHOW = new Set([1044, 1142, 1227, 1290, 1372, 1396, 1410, 1524, 1819, 1827]);

async function runSecret(session: Session, sql: string, account: string, signal: AbortSignal): Promise<void> {
  try {
    await session.query(sql, signal, { object: `the user ${account}` });
  } catch (error) {
    const number = errorNumber(error);
    if (!isHoldfastError(error) || number === undefined) throw error;
    const message = SAFE_TO_SHOW.has(number)
      ? error.message
      : `the server refused to make the user ${account} (error ${number})`;
    throw new HoldfastError(error.code === 'E_SOURCE_DENIED' ? error.code : 'E_SOURCE_FAILED', message, {
      hint: 'The server may lack a setting or plugin by which the user logs in: add it, or leave out --users and make the users by hand.',
      details: { errorNumber: number },
    });
  }
}

/** Whether it is there as in the backup and may do nothing, as a restore that broke off leaves it. */
function isBare(account: Account, other: Account | undefined): boolean {
  if (!other || other.roles.length > 0 || other.defaults.length > 0) return false;
  return (
    account.create.length > 0 &&
    isDifferent(account, other) &&
    JSON.stringify(account.create) === JSON.stringify(other.create) &&
    other.rights.every((line) => line.startsWith('GRANT USAGE ON *.* '))
  );
}

function isDifferent(account: Account, other: Account | undefined): boolean {
  return JSON.stringify(account) !== JSON.stringify(other);
}

/** Such as `` `clerk` `` of ``GRANT `clerk` TO `ana`@`%` WITH ADMIN OPTION``. */
function roleOf(line: string): string {
  return line.slice('GRANT '.length, line.lastIndexOf(' TO '));
}

function quotedSelf(user: string): string {
  const at = user.lastIndexOf('@');
  return `${quoteName(user.slice(0, at))}@${quoteName(user.slice(at + 1))}`;
}

function show(accounts: readonly Account[]): string {
  return accounts.map(({ account }) => account).join(', ');
}

/** Such as `MariaDB 10.11`. */
function releaseOf(server: string): string {
  return /^\D*\d+\.\d+/.exec(server)?.[0] ?? server;
}

function checkProduct(server: string, session: Session): void {
  if (/mariadb/i.test(server) === session.isMariaDb) return;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `users of ${server} cannot be made on ${session.isMariaDb ? 'MariaDB' : 'MySQL'}: passwords and rights differ`,
    { hint: 'Leave out --users, and make the users by hand.' },
  );
}

function mayNotMake(made: readonly Account[]): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_DENIED',
    `this user may not make users, and the target lacks ${show(made)}; nothing was changed`,
    { hint: 'Log in with CREATE USER and all rights WITH GRANT OPTION, or leave out --users.' },
  );
}
