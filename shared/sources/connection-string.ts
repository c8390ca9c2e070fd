/** Settings of a connection string by name. */
export type UrlSettings = ReadonlyMap<string, string>;

/** What the connection strings of a kind of database look like. */
export interface ConnectionStrings {
  /** Such as `['mysql', 'mariadb']`. */
  readonly schemes: readonly [string, ...string[]];
  /** What the name of the database is called among the settings. */
  readonly database: string;
  /** Names that may stand after `?`. */
  readonly allowed: readonly string[];
  /** There may be a user or a port without a host, as libpq has it. @default false */
  readonly mayLackHost?: boolean;
}

/** Takes a connection string apart. Problems never quote the string: it may hold a password. */
export function parseConnectionString(
  url: string,
  { schemes, database, allowed, mayLackHost = false }: ConnectionStrings,
  problems: string[],
): UrlSettings {
  const settings = new Map<string, string>();
  if (!schemes.some((scheme) => url.startsWith(`${scheme}://`))) {
    const wanted = schemes.map((scheme) => `${scheme}://`).join(' or ');
    problems.push(`the connection string must start with ${wanted}`);
    return settings;
  }
  let parsed: URL;
  try {
    parsed = mayLackHost ? parseLoosely(url) : new URL(url);
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
  set(database, parsed.pathname.replace(/^\//, ''));
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
  const [, scheme, authority = '', rest = ''] = /^([a-z]+:\/\/)([^/?#]*)(.*)$/s.exec(url) ?? [];
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
