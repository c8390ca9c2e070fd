import { readFile, stat } from 'node:fs/promises';
import { HoldfastError } from '../../../core/errors.ts';
import { iamToken } from '../../rds/token.ts';

/** Whom to log in as, and where. */
export interface Login {
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/** Called for each new connection, when the server asks. @throws E_SOURCE_REFUSED when there is none */
export type PasswordSource = (login: Login) => Promise<string>;

/** The password itself, else the first line of the password file that fits. */
export function storedPassword(password: string | undefined, passFile: string | undefined): PasswordSource {
  return async (login) => {
    if (password !== undefined) return password;
    const found = passFile === undefined ? undefined : findPassword(await readPassFile(passFile), login);
    if (found !== undefined) return found;
    throw new HoldfastError(
      'E_SOURCE_REFUSED',
      `the server asks for the password of ${login.user}, and none is configured`,
      { hint: 'Set PGPASSWORD, or add a line to the password file (~/.pgpass).' },
    );
  };
}

/** A token from AWS instead of a password. */
export function iamPassword(region: string): PasswordSource {
  return ({ host, port, user }) => iamToken({ host, port, user, region });
}

/** The fields of libpq's password file: host:port:database:user:password, `*` for any, `\` escapes. */
function findPassword(text: string, login: Login): string | undefined {
  const host = login.host.startsWith('/') ? 'localhost' : login.host;
  const wanted = [host, String(login.port), login.database, login.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) =>
      field.replace(/\\(.)/g, '$1'),
    );
    const password = fields[4];
    if (password !== undefined && wanted.every((value, i) => fields[i] === '*' || fields[i] === value))
      return password;
  }
  return undefined;
}

async function readPassFile(path: string): Promise<string> {
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) === 0 || process.platform === 'win32') return await readFile(path, 'utf8');
  } catch {
    return '';
  }
  throw new HoldfastError('E_CONFIG', `the password file ${path} can be read by other users`, {
    hint: `Run: chmod 0600 ${path}`,
  });
}
