/*
 * What the options of databases on a server have in common. Problems are collected, so that all are told together; none
 * quotes a value that may be secret.
 */

/** A name that messages and manifests call a database by, such as `mysql://db.example:3306/shop`: no user, no secret. */
export function serverName(
  scheme: string,
  {
    host,
    port,
    database = '',
  }: { readonly host: string; readonly port: number; readonly database?: string | undefined },
): string {
  const place = host.startsWith('/') ? encodeURIComponent(host) : host.includes(':') ? `[${host}]` : host;
  return `${scheme}://${place}:${port}/${encodeURIComponent(database)}`;
}

/** A socket or an address of this machine. */
export function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || /^127(\.\d+){3}$/.test(host);
}

/** The whole number that a setting is; the least one, and a problem, if it is none or out of range. */
export function integer(
  value: string | number | boolean,
  name: string,
  [least, most]: readonly [number, number],
  problems: string[],
): number {
  const number = /^\d+$/.test(String(value)) ? Number(value) : Number.NaN;
  if (number >= least && number <= most) return number;
  problems.push(`${name} is '${value}'; allowed are ${least} to ${most}`);
  return least;
}

/** The one of `allowed` that a setting is; the first, and a problem, if it is none. */
export function choice<const T extends string>(
  value: string | number | boolean,
  name: string,
  allowed: readonly [T, ...T[]],
  problems: string[],
): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined) problems.push(`${name} is '${value}'; allowed are ${allowed.join(', ')}`);
  return found ?? allowed[0];
}

/** A problem for each option that is not among `known`. */
export function checkKnown(
  options: Readonly<Record<string, unknown>>,
  known: Readonly<Record<string, unknown>>,
  problems: string[],
): void {
  for (const name of Object.keys(options))
    if (!Object.hasOwn(known, name))
      problems.push(`unknown option '${name}'; known: ${Object.keys(known).join(', ')}`);
}
