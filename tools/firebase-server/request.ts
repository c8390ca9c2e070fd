import { Refusal } from './reply.ts';

/** A method that a database takes. */
export type Method = 'GET' | 'PUT' | 'PATCH' | 'POST' | 'DELETE';
const METHODS: readonly string[] = ['GET', 'PUT', 'PATCH', 'POST', 'DELETE'];
const FORBIDDEN = /[.#$[\]\p{Cc}]/u;
const MAX_KEY_BYTES = 768;
/** Levels of keys that Firebase allows. */
export const MAX_DEPTH = 32;

/** A request to the database, its parts checked. */
export interface DatabaseRequest {
  readonly method: Method;
  /** `/path.json?query` as it was sent. */
  readonly url: string;
  readonly namespace: string;
  /** Keys from the root; `.priority` can be the last. */
  readonly keys: readonly string[];
  readonly settings: boolean;
  readonly params: URLSearchParams;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

interface RawRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** @throws Refusal for what no database is asked: another method, no `.json`, a path that is none. */
export function parseRequest(raw: RawRequest, defaultNamespace: string): DatabaseRequest {
  const { pathname, searchParams: params } = new URL(raw.url, 'http://localhost');
  const path = decodePath(pathname);
  if (!path.endsWith('.json'))
    throw new Refusal(404, 'append .json to your request URI to use the REST API.');
  const settings = path.startsWith('/.settings/');
  return {
    method: methodOf(raw, params),
    url: raw.url,
    namespace: params.get('ns') ?? namespaceOfHost(raw.headers['host']) ?? defaultNamespace,
    keys: settings ? [path] : keysOf(path.slice(0, -'.json'.length)),
    settings,
    params,
    headers: raw.headers,
    body: raw.body,
  };
}

/** Why a key cannot be one, or undefined for a good key. */
export function keyFault(key: string): string | undefined {
  if (key === '' || key.includes('/') || FORBIDDEN.test(key)) return 'invalid';
  return Buffer.byteLength(key) > MAX_KEY_BYTES ? 'too long' : undefined;
}

/** Keys of a path inside the database. @throws Refusal */
export function keysOf(path: string): string[] {
  const keys = path.split('/').filter((key) => key !== '');
  const named = keys.at(-1) === '.priority' ? keys.slice(0, -1) : keys;
  const bad = named.find((key) => keyFault(key) !== undefined);
  if (bad !== undefined && Buffer.byteLength(bad) > MAX_KEY_BYTES) {
    throw new Refusal(400, `Invalid path: Path segment is longer than ${MAX_KEY_BYTES} bytes`);
  }
  if (bad !== undefined) throw new Refusal(400, 'Invalid path: Invalid token in path');
  if (named.length > MAX_DEPTH)
    throw new Refusal(400, `Invalid path: Path exceeds the maximum depth of ${MAX_DEPTH}`);
  return keys;
}

function decodePath(pathname: string): string {
  try {
    return decodeURIComponent(pathname);
  } catch {
    throw new Refusal(400, 'Invalid path: Invalid token in path');
  }
}

function methodOf({ method, headers }: RawRequest, params: URLSearchParams): Method {
  const override = headers['x-http-method-override'] ?? params.get('x-http-method-override');
  const asked = method === 'POST' && override ? String(override).toUpperCase() : method;
  if (METHODS.includes(asked)) return asked as Method;
  throw new Refusal(405, `Method ${asked} is not supported`);
}

/** The first label of a host name such as `my-db.firebaseio.com`; none of an address or a single word. */
function namespaceOfHost(host: string | string[] | undefined): string | undefined {
  const name = String(host ?? '').replace(/:\d+$/, '');
  return /^[\d.]+$|^\[/.test(name) || !name.includes('.') ? undefined : name.split('.')[0];
}
