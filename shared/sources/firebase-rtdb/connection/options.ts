import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';
import { FIREBASE_OPTIONS } from '../config.ts';
import {
  type AdapterOptions,
  type CredentialsChoice,
  chooseCredentials,
  type Environment,
  openCredentials,
} from './choose-credentials.ts';
import type { ConnectionOptions } from './connection.ts';
import type { DatabaseUrl } from './database-url.ts';
import { type NodePath, parsePath } from './paths.ts';
import { READ_LIMITS, type ReadLimits } from './read-limits.ts';

export type { AdapterOptions, Environment };

/** Where a database is, and how to read it. Holds no secret itself, except in what `credentials` does. */
export interface FirebaseOptions {
  /** `https://shop.firebaseio.com` */
  readonly origin: string;
  readonly namespace: string | undefined;
  /** What of the database is meant; the root when empty. */
  readonly base: NodePath;
  readonly credentials: CredentialsChoice;
  readonly timeoutMs: number;
  /** Top-level nodes read at once. */
  readonly readers: number;
  /** Children of at least this many bytes are asked one by one whether they changed. */
  readonly probeBytes: number;
  /** How often what changed while it was read is read again. */
  readonly rereads: number;
  /** Whether ETags may say what did not change; `auto` finds out what they are worth. */
  readonly etags: 'auto' | 'off';
  /** What a GB read is taken to cost. */
  readonly usdPerGB: number;
  /** Before what failed is tried again for the first time. */
  readonly firstPauseMs: number;
  /** No setting: what a database is cut into is the same for all. */
  readonly limits: ReadLimits;
}

const KNOWN = Object.keys(FIREBASE_OPTIONS);
const PARAMETERS = ['ns', 'auth', 'access_token'];

/**
 * Reads a database URL, the adapter's options and the environment.
 *
 * @throws E_CONFIG listing every problem; no value that may be secret is in the message
 */
export function parseFirebaseOptions(
  url: string,
  options: AdapterOptions,
  env: Environment,
): FirebaseOptions {
  const problems: string[] = [];
  for (const name of Object.keys(options))
    if (!KNOWN.includes(name)) problems.push(`unknown option '${name}'; known: ${KNOWN.join(', ')}`);
  const place = atEmulator(parseUrl(url, problems), env, problems);
  const whole = (name: string, fallback: number, range: readonly [number, number]) =>
    numberOf(options[name] ?? fallback, name, range, problems);
  const parsed: FirebaseOptions = {
    origin: place.origin,
    namespace: place.namespace,
    base: place.base,
    credentials: chooseCredentials(place, options, env, problems),
    timeoutMs: whole('timeoutSeconds', 60, [1, 3600]) * SECOND_MS,
    readers: whole('readers', 4, [1, 64]),
    probeBytes: whole('probeBytes', 4096, [256, 1e9]),
    rereads: whole('rereads', 2, [0, 10]),
    firstPauseMs: whole('firstPauseMs', 200, [1, 60_000]),
    etags: etagsOf(options['etags'] ?? 'auto', problems),
    limits: READ_LIMITS,
    usdPerGB: numberOf(options['usdPerGB'] ?? 1, 'usdPerGB', [0, 1000], problems, false),
  };
  if (problems.length > 0)
    throw new HoldfastError('E_CONFIG', `the Firebase settings are wrong: ${problems.join('; ')}`, {
      hint: 'See docs/reference/firebase.md for the connection settings.',
      details: { problems: problems.length },
    });
  return Object.freeze(parsed);
}

/** What messages and manifests call the database: `https://shop.firebaseio.com/characters`. No secret in it. */
export function firebaseName({ origin, namespace, base }: FirebaseOptions): string {
  const path = base.map((key) => `/${encodeURIComponent(key)}`).join('');
  return `${origin}${path}${namespace === undefined ? '' : `${path === '' ? '/' : ''}?ns=${encodeURIComponent(namespace)}`}`;
}

/** The connection that options ask for. */
export function connectionOptions(
  { origin, namespace, credentials, timeoutMs, firstPauseMs, etags }: FirebaseOptions,
  env: Environment,
): ConnectionOptions {
  const common = { origin, namespace, timeoutMs, firstPauseMs, usesEtags: etags !== 'off' };
  return { ...common, credentials: openCredentials(credentials, env) };
}

function etagsOf(value: string | number | boolean, problems: string[]): 'auto' | 'off' {
  if (value === 'auto' || value === 'off') return value;
  problems.push(`etags is '${value}'; allowed are auto and off`);
  return 'auto';
}

function parseUrl(text: string, problems: string[]): DatabaseUrl {
  const nowhere = { origin: '', namespace: undefined, base: [], isLocal: false, token: undefined };
  const given = text.replace(/^firebase-rtdb:/, '');
  if (!URL.canParse(given) || !/^https?:\/\//.test(given)) {
    problems.push('the database URL must look like https://NAME.firebaseio.com');
    return nowhere;
  }
  const url = new URL(given);
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol === 'http:' && !isLocal)
    problems.push(`the database URL must begin with https://, as ${url.hostname} is another machine`);
  if (url.username || url.password) problems.push('the database URL has a user or a password; it takes none');
  for (const name of url.searchParams.keys())
    if (!PARAMETERS.includes(name))
      problems.push(`the database URL has an unknown parameter '${name}'; known: ${PARAMETERS.join(', ')}`);
  if (/(^|\.)console\.firebase\.google\.com$/.test(url.hostname))
    problems.push('that is the address of the console; the database URL is shown above its data there');
  return {
    origin: url.origin,
    namespace: url.searchParams.get('ns') ?? undefined,
    base: basePath(url.pathname, problems),
    isLocal,
    token: tokenOf(url.searchParams),
  };
}

const OF_FIREBASE = /^https:\/\/([a-z0-9-]+)\.(firebaseio\.com|([a-z0-9-]+\.)?firebasedatabase\.app)$/;

/**
 * FIREBASE_DATABASE_EMULATOR_HOST, as in Google's libraries: databases of the service are then those of the emulator, which has
 * them by `?ns=` and takes `owner` for a login. No real login is sent there.
 */
function atEmulator(place: DatabaseUrl, env: Environment, problems: string[]): DatabaseUrl {
  const host = env['FIREBASE_DATABASE_EMULATOR_HOST'];
  if (!host) return place;
  if (!/^([\w.-]+|\[[\da-f:]+\]):\d{1,5}$/i.test(host)) {
    problems.push(`FIREBASE_DATABASE_EMULATOR_HOST is '${host}'; give HOST:PORT, such as 127.0.0.1:9000`);
    return place;
  }
  const origin = `http://${host}`;
  const namespace = place.origin === origin ? place.namespace : OF_FIREBASE.exec(place.origin)?.[1];
  if (place.origin !== origin && namespace === undefined) return place;
  return { ...place, origin, namespace, isLocal: true, token: { kind: 'access_token', value: 'owner' } };
}

function basePath(pathname: string, problems: string[]): NodePath {
  try {
    return parsePath(decodeURIComponent(pathname).replace(/\.json$/, ''), 'the path of the database URL');
  } catch (error) {
    problems.push(error instanceof HoldfastError ? error.message : 'the path has a broken % escape');
    return [];
  }
}

function tokenOf(parameters: URLSearchParams): DatabaseUrl['token'] {
  for (const kind of ['auth', 'access_token'] as const) {
    const value = parameters.get(kind);
    if (value) return { kind, value };
  }
  return undefined;
}

function numberOf(
  value: string | number | boolean,
  name: string,
  [min, max]: readonly [number, number],
  problems: string[],
  isWhole = true,
): number {
  const number = typeof value === 'boolean' || value === '' ? Number.NaN : Number(value);
  if (number >= min && number <= max && (!isWhole || Number.isInteger(number))) return number;
  problems.push(`${name} is '${value}'; allowed are ${min} to ${max}`);
  return min;
}
