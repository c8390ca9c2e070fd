import * as z from 'zod';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { BackupContents } from '../../contents.ts';
import type { Session } from '../connection/connection.ts';
import { errorNumber } from '../errors.ts';
import { quoteName, quoteText } from '../text/identifiers.ts';

/** Name of the dataset, which a backup has on request alone. */
export const USERS = 'server users';

const AccountSchema = z.strictObject({
  /** `` `ana`@`%` ``; a role of MariaDB has no host. */
  account: z.string(),
  /** What makes it, as SHOW CREATE USER gives it: with the hash of its password. */
  create: z.array(z.string()),
  /** What it may do, as SHOW GRANTS gives it, without a word of its password. */
  rights: z.array(z.string()),
  /** Of which roles it is a member. */
  roles: z.array(z.string()),
  /** Which of them are in force when it logs in. */
  defaults: z.array(z.string()),
});
/** A user or a role of a server, as a line of the dataset. */
export type Account = Readonly<z.infer<typeof AccountSchema>>;

/** Accounts that belong to the server itself, or to who runs it: nobody may make them. */
const SYSTEM = new Set([
  'mariadb.sys',
  'mysql.sys',
  'mysql.session',
  'mysql.infoschema',
  'rdsadmin',
  'rdsrepladmin',
  'rds_superuser_role',
  'AWS_COMPREHEND_ACCESS',
  'AWS_LAMBDA_ACCESS',
  'AWS_LOAD_S3_ACCESS',
  'AWS_SAGEMAKER_ACCESS',
  'AWS_SELECT_S3_ACCESS',
]);
/** MariaDB's role of everybody: there without being made, and named without quotes. */
const EVERYBODY = 'PUBLIC';

interface Named {
  readonly user: string;
  readonly host: string;
  readonly isRole: boolean;
  /** What its certificate and its way to log in must hold, if anything. */
  readonly texts: readonly string[];
}

/** The users and roles of a server. */
export interface Accounts {
  /** In the order of their names. */
  readonly accounts: readonly Account[];
  /** Users that the server takes no notice of, and says nothing of: those by host names, with `skip_name_resolve`. */
  readonly ignored: readonly string[];
}

/**
 * Reads the users and roles of a server.
 *
 * @throws E_SOURCE_DENIED if this user may not read them, E_SOURCE_*
 */
export async function readAccounts(session: Session, signal: AbortSignal): Promise<Accounts> {
  try {
    // MySQL writes some hashes as they are, which are no text.
    if (!session.isMariaDb)
      await session.query('SET SESSION print_identified_with_as_hex = ON', signal).catch(passOver(session));
    const accounts: Account[] = [];
    const ignored: string[] = [];
    for (const named of await listNames(session, signal)) {
      try {
        accounts.push(await readAccount(session, named, signal));
      } catch (error) {
        if (!NOT_IN_USE.has(errorNumber(error) ?? 0)) throw error;
        ignored.push(accountName(named));
      }
    }
    return { accounts, ignored };
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_DENIED')) throw error;
    throw new HoldfastError('E_SOURCE_DENIED', 'the users of the server may not be read by this user', {
      cause: error,
      hint: 'GRANT SELECT ON mysql.* TO the user, or leave out the option `users`.',
    });
  }
}

/** What a server says of a user that is in its tables and not in use. */
const NOT_IN_USE = new Set([1133, 1141]);

/** What MariaDB (seen of 10.11.18) writes into its statements as it is. */
const TEXTS = ['ssl_cipher', 'x509_issuer', 'x509_subject', 'authentication_string']
  .map((column) => `CONVERT(${column} USING utf8mb4) AS ${column}`)
  .join(', ');

async function listNames(session: Session, signal: AbortSignal): Promise<readonly Named[]> {
  const more = session.isMariaDb ? `is_role AS role, ${TEXTS}` : "'N' AS role";
  const rows = await session.query<Readonly<Record<string, string>> & { user: string; host: string }>(
    `SELECT User AS user, Host AS host, ${more} FROM mysql.user
      ORDER BY CAST(User AS BINARY), CAST(Host AS BINARY)`,
    signal,
    { object: 'the users of the server' },
  );
  return rows
    .map(({ user, host, role, ...texts }) => ({
      user,
      host,
      isRole: role === 'Y',
      texts: Object.values(texts),
    }))
    .filter(({ user }) => !SYSTEM.has(user));
}

async function readAccount(session: Session, named: Named, signal: AbortSignal): Promise<Account> {
  const { user, isRole } = named;
  const account = accountName(named);
  const about = { object: `the user ${account}` };
  const place = isRole && user === EVERYBODY ? EVERYBODY : placeOf(named);
  const shown = isRole ? [] : valuesOf(await session.query(`SHOW CREATE USER ${place}`, signal, about));
  const lines = valuesOf(await session.query(`SHOW GRANTS FOR ${place}`, signal, about))
    // Of a role come those of its own roles too, and of everybody those that everybody has.
    .filter((line) => (isRole ? isFor(line, account) : !/ TO PUBLIC(?: WITH GRANT OPTION)?$/.test(line)))
    .map((line) => withoutPassword(line, account));
  const { create, defaults } = splitDefaults(
    shown.map((sql) => withQuotes(sql, named.texts)),
    account,
  );
  return {
    account,
    create: isRole && user !== EVERYBODY ? [`CREATE ROLE ${account}`] : create,
    rights: lines.filter((line) => /^GRANT [^`]/.test(line)).toSorted(),
    roles: lines.filter((line) => /^GRANT `/.test(line)).toSorted(),
    defaults: [...lines.filter((line) => line.startsWith('SET DEFAULT ROLE ')), ...defaults],
  };
}

function accountName({ user, host, isRole }: Named): string {
  if (!isRole) return `${quoteName(user)}@${quoteName(host)}`;
  return user === EVERYBODY ? EVERYBODY : quoteName(user);
}

/** As a statement takes it: no name in backticks may be empty, as that of an anonymous user is. */
function placeOf({ user, host, isRole }: Named): string {
  return isRole ? quoteName(user) : `${quoteText(user)}@${quoteText(host)}`;
}

function valuesOf(rows: readonly Readonly<Record<string, string | null>>[]): readonly string[] {
  return rows.flatMap((row) => Object.values(row).filter((value) => value !== null));
}

function isFor(line: string, account: string): boolean {
  const rest = line.slice(line.lastIndexOf(` TO ${account}`) + ` TO ${account}`.length);
  return line.includes(` TO ${account}`) && !rest.startsWith('@');
}

/** A server takes back no text with quotes that it wrote as it is. */
function withQuotes(create: string, texts: readonly string[]): string {
  return texts
    .filter((text) => /['\\]/.test(text))
    .reduce((sql, text) => sql.replace(` '${text}'`, () => ` ${quoteText(text)}`), create);
}

/** MariaDB repeats in the first grant how the user logs in. */
function withoutPassword(line: string, account: string): string {
  const at = line.lastIndexOf(` TO ${account}`);
  if (at < 0 || !line.startsWith('GRANT ')) return line;
  const end = at + ` TO ${account}`.length;
  // At the end of the line, which no text in quotes is.
  const option = / WITH (GRANT|ADMIN) OPTION(?: MAX_[A-Z_]+ [\d.]+)*$/.exec(line.slice(end));
  return `${inOrder(line.slice(0, end))}${option ? ` WITH ${option[1]} OPTION` : ''}`;
}

const COLUMNS = /\((`(?:[^`]|``)*`(?:, `(?:[^`]|``)*`)*)\)/g;

/** A server names the columns of a right in no order. */
function inOrder(line: string): string {
  return line.replaceAll(
    COLUMNS,
    (_, names: string) => `(${(names.match(/`(?:[^`]|``)*`/g) ?? []).toSorted().join(', ')})`,
  );
}

const DEFAULT_ROLES =
  / DEFAULT ROLE (`(?:[^`]|``)*`@`(?:[^`]|``)*`(?:,`(?:[^`]|``)*`@`(?:[^`]|``)*`)*)(?= |$)/;

/** MySQL names default roles while it makes a user, who is a member of none yet. */
function splitDefaults(
  shown: readonly string[],
  account: string,
): { readonly create: string[]; readonly defaults: readonly string[] } {
  const found = shown.flatMap((sql) => DEFAULT_ROLES.exec(sql)?.[1] ?? []);
  return {
    create: shown.map((sql) => sql.replace(DEFAULT_ROLES, '')),
    defaults: found.map((roles) => `ALTER USER ${account} DEFAULT ROLE ${roles}`),
  };
}

/** Passes over what the server refuses. */
function passOver(session: Session): (error: unknown) => void {
  return (error) => {
    if (!session.isOpen) throw error;
  };
}

/** One line of JSON an account. */
export function usersText(accounts: readonly Account[]): string {
  return accounts.map((account) => `${JSON.stringify(account)}\n`).join('');
}

/**
 * The users that a backup holds.
 *
 * @throws E_NO_DATASET if it holds none, E_DAMAGED; no message quotes a line
 */
export async function readStoredUsers(
  contents: BackupContents,
  signal: AbortSignal,
): Promise<readonly Account[]> {
  const [dataset] = contents.datasets.filter(({ name, kind }) => name === USERS && kind === 'schema');
  if (!dataset)
    throw new HoldfastError('E_NO_DATASET', 'the backup holds no users', {
      hint: 'Leave out --users, or make a backup with `users: true` in the options of the source.',
    });
  const blocks: Buffer[] = [];
  for (const partition of dataset.partitions)
    for await (const block of contents.read(dataset, partition, signal)) blocks.push(Buffer.from(block));
  return Buffer.concat(blocks)
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line, i) => parseAccount(line, i + 1));
}

function parseAccount(line: string, number: number): Account {
  const damaged = () => new HoldfastError('E_DAMAGED', `line ${number} of the users describes no user`);
  try {
    const parsed = AccountSchema.safeParse(JSON.parse(line));
    if (parsed.success) return parsed.data;
  } catch {
    throw damaged();
  }
  throw damaged();
}
