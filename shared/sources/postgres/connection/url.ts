/** Settings of a connection string by their libpq names. */
export type UrlSettings = ReadonlyMap<string, string>;

/**
 * Takes a `postgres://` connection string apart. Problems never quote the string: it may hold a password.
 *
 * @param allowed names that may stand after `?`
 */
export function parsePostgresUrl(url: string, allowed: readonly string[], problems: string[]): UrlSettings {
  const settings = new Map<string, string>();
  if (!/^postgres(ql)?:\/\//.test(url)) {
    problems.push('the connection string must start with postgres:// or postgresql://');
    return settings;
  }
  let parsed: URL;
  try {
    parsed = parseLoosely(url);
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
  set('host', parsed.hostname === EMPTY_HOST ? '' : parsed.hostname.replace(/^\[(.*)\]$/, '$1'));
  set('port', parsed.port);
  set('dbname', parsed.pathname.replace(/^\//, ''));
  for (const [name, value] of parsed.searchParams) {
    if (allowed.includes(name)) settings.set(name, value);
    else
      problems.push(`the connection string has an unknown setting '${name}'; known: ${allowed.join(', ')}`);
  }
  return settings;
}

const EMPTY_HOST = 'holdfast-no-host';

/** libpq allows a user, a password or a port with no host (`postgres://me@/shop`), the URL standard does not. */
function parseLoosely(url: string): URL {
  const [, scheme, authority = '', rest = ''] = /^(postgres(?:ql)?:\/\/)([^/?#]*)(.*)$/s.exec(url) ?? [];
  const at = authority.lastIndexOf('@');
  const place = authority.slice(at + 1);
  const host = place === '' || place.startsWith(':') ? `${EMPTY_HOST}${place}` : place;
  return new URL(`${scheme}${authority.slice(0, at + 1)}${host}${rest}`);
}

function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
