/** Settings of a connection string by name. */
export type UrlSettings = ReadonlyMap<string, string>;

/**
 * Takes a `mysql://` or `mariadb://` connection string apart. Problems never quote the string: it may hold a password.
 *
 * @param allowed names that may stand after `?`
 */
export function parseMysqlUrl(url: string, allowed: readonly string[], problems: string[]): UrlSettings {
  const settings = new Map<string, string>();
  if (!/^(mysql|mariadb):\/\//.test(url)) {
    problems.push('the connection string must start with mysql:// or mariadb://');
    return settings;
  }
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    problems.push(
      'the connection string cannot be read; percent-encode special characters in the user and password',
    );
    return settings;
  }
  const set = (name: string, text: string): void => {
    const value = decode(text);
    if (value === undefined) problems.push(`the ${name} of the connection string has a broken % escape`);
    else if (value !== '') settings.set(name, value);
  };
  set('user', parsed.username);
  set('password', parsed.password);
  set('host', parsed.hostname.replace(/^\[(.*)\]$/, '$1'));
  set('port', parsed.port);
  set('database', parsed.pathname.replace(/^\//, ''));
  for (const [name, value] of parsed.searchParams) {
    if (allowed.includes(name)) settings.set(name, value);
    else
      problems.push(`the connection string has an unknown setting '${name}'; known: ${allowed.join(', ')}`);
  }
  return settings;
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
