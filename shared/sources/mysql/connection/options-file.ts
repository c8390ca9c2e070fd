import { readFile, stat } from 'node:fs/promises';
import { HoldfastError } from '../../../core/errors.ts';

/** Groups that MySQL's and MariaDB's own client programs read. */
const GROUPS = new Set(['client', 'client-server', 'client-mariadb', 'mysql', 'mariadb-client']);
const ESCAPES: Readonly<Record<string, string>> = { b: '\b', t: '\t', n: '\n', r: '\r', s: ' ' };

/**
 * The password of an options file, as MySQL's own programs read it: `[client]` and `password=…`.
 *
 * @returns undefined if there is no file, or it names no password
 * @throws E_CONFIG if others may read the file
 */
export async function passwordOfFile(path: string): Promise<string | undefined> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if ((mode & 0o077) !== 0 && process.platform !== 'win32')
      throw new HoldfastError('E_CONFIG', `the options file ${path} can be read by other users`, {
        hint: `Run: chmod 0600 ${path}`,
      });
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof HoldfastError) throw error;
    return undefined;
  }
  let group = '';
  let password: string | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, name] = /^\s*\[(.+)\]\s*$/.exec(line) ?? [];
    if (name !== undefined) group = name.trim();
    const [, value] = /^\s*password\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (value !== undefined && GROUPS.has(group)) password = unquoted(value);
  }
  return password;
}

function unquoted(text: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(text)?.[2] ?? text;
  return quoted.replaceAll(/\\(.)/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}
