import { HoldfastError } from '../../core/errors.ts';
import { KiB, MiB } from '../../core/units.ts';
import type { Answer, FirebaseConnection } from './connection.ts';
import { CanonicalJson, countWholeMembers, type Member } from './json.ts';
import { compareKeys } from './key-order.ts';
import { type NodePath, showPath } from './paths.ts';

/**
 * A node with more is asked for in parts: of those that changed later, few bytes are read again. Larger than the largest
 * record, however its characters are written.
 */
export const MOST_NODE_BYTES = 384 * KiB;
/** What a page of children may bring. Bounds the memory of a reader. */
const MOST_PAGE_BYTES = 3 * MiB;
/** A text has 10 MB at most, and six bytes a character when it is escaped. */
const MOST_SCALAR_BYTES = 64 * MiB;
/** Keys of a node whose listing is refused are asked for in parts of so many. */
const KEYS_A_PART = 50_000;

/** What a read of a node gave. */
export type NodeRead =
  | {
      readonly kind: 'whole';
      /** Canonical; `null` where there is nothing. */
      readonly value: string;
      readonly depth: number;
      readonly etag: string | undefined;
      readonly readBytes: number;
    }
  | {
      readonly kind: 'large';
      /** Of a child, as far as could be seen. */
      readonly childBytes: number | undefined;
    };

/** A node in one request, where it is small enough. */
export async function readNode(
  connection: FirebaseConnection,
  path: NodePath,
  signal: AbortSignal,
): Promise<NodeRead> {
  return connection.ask(
    {
      method: 'GET',
      path,
      query: { format: 'export' },
      etag: true,
      mostBytes: (start) => (isScalar(start) ? MOST_SCALAR_BYTES : MOST_NODE_BYTES),
    },
    (answer) => nodeOf(answer, path),
    signal,
  );
}

/** A text cannot be read in parts. */
function isScalar(start: Buffer): boolean {
  return /^\s*("|\{\s*"\.value")/.test(start.toString('latin1', 0, 100));
}

function nodeOf({ body, etag, outcome }: Answer, path: NodePath): NodeRead {
  if (outcome === 'too-large') return { kind: 'large', childBytes: undefined };
  if (outcome === 'whole') {
    const json = new CanonicalJson(body);
    return { kind: 'whole', value: json.whole(), depth: json.depth, etag, readBytes: body.length };
  }
  if (isScalar(body))
    throw new HoldfastError('E_SOURCE_FAILED', `${showPath(path)} holds a longer text than any may have`);
  const children = countWholeMembers(body.toString('latin1'));
  return { kind: 'large', childBytes: children === 0 ? body.length : body.length / children };
}

/** What a question for the next children gave. */
export type PageRead =
  | {
      readonly kind: 'page';
      /** In order; what a node says of itself left out. */
      readonly children: readonly Member[];
      readonly depth: number;
      readonly readBytes: number;
    }
  /** More than one request may bring; `firstKey` where it can be seen. */
  | { readonly kind: 'cut'; readonly firstKey: string | undefined }
  | { readonly kind: 'refused' };

/** The children that follow `after` in the order of keys. */
export async function readPage(
  connection: FirebaseConnection,
  path: NodePath,
  {
    after,
    limit,
    signal,
  }: { readonly after: string | undefined; readonly limit: number; readonly signal: AbortSignal },
): Promise<PageRead> {
  const query = {
    format: 'export',
    orderBy: '"$key"',
    limitToFirst: String(limit),
    ...(after === undefined ? {} : { startAfter: JSON.stringify(after) }),
  };
  const page = await connection.ask(
    { method: 'GET', path, query, mostBytes: () => MOST_PAGE_BYTES },
    pageOf,
    signal,
  );
  const first = page.kind === 'page' ? page.children[0]?.key : undefined;
  if (first === undefined || after === undefined || compareKeys(first, after) > 0) return page;
  throw new HoldfastError(
    'E_SOURCE_FAILED',
    `${showPath(path)}: asked for the children after '${after}', the database gave '${first}' again`,
    { hint: 'Something between here and the database answers for it, or keeps keys in another order.' },
  );
}

function pageOf({ body, outcome }: Answer): PageRead {
  if (outcome === 'too-large') return { kind: 'refused' };
  if (outcome === 'cut') return { kind: 'cut', firstKey: firstKeyOf(body.toString('utf8')) };
  const json = new CanonicalJson(body);
  const children = (json.members() ?? []).filter(({ key }) => !key.startsWith('.'));
  return { kind: 'page', children, depth: json.depth, readBytes: body.length };
}

function firstKeyOf(start: string): string | undefined {
  const quoted = /^\s*\{\s*("(?:[^"\\]|\\.)*")\s*:/.exec(start)?.[1];
  const key = quoted === undefined ? undefined : (JSON.parse(quoted) as string);
  return key?.startsWith('.') ? undefined : key;
}

/** The keys of all children in order: one small entry each is read. */
export async function listKeys(
  connection: FirebaseConnection,
  path: NodePath,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const ask = { method: 'GET', path } as const;
  const all = await connection.ask({ ...ask, query: { shallow: 'true' } }, keysOf, signal);
  if (all) return all.sort(compareKeys);
  const keys: string[] = [];
  for (let limit = KEYS_A_PART; ; ) {
    const after = keys.at(-1);
    const query = {
      shallow: 'true',
      limitToFirst: String(limit),
      ...(after === undefined ? {} : { startAfter: JSON.stringify(after) }),
    };
    const part = await connection.ask({ ...ask, query }, keysOf, signal);
    if (!part && limit === 1)
      throw new HoldfastError('E_SOURCE_FAILED', `${showPath(path)}: not even its keys can be listed`, {
        hint: 'Split the node into several: it has too many children for Firebase.',
      });
    part?.sort(compareKeys);
    for (const key of part ?? []) keys.push(key);
    if (part && part.length < limit) return keys;
    if (!part) limit = Math.ceil(limit / 8);
  }
}

function keysOf({ body, outcome }: Answer): string[] | undefined {
  if (outcome === 'too-large') return undefined;
  const members = new CanonicalJson(body).members() ?? [];
  return members.map(({ key }) => key).filter((key) => !key.startsWith('.'));
}

/** The priority of a node, undefined without one. */
export async function readPriority(
  connection: FirebaseConnection,
  path: NodePath,
  signal: AbortSignal,
): Promise<string | undefined> {
  const value = await connection.ask(
    { method: 'GET', path: [...path, '.priority'] },
    ({ body }) => new CanonicalJson(body).whole(),
    signal,
  );
  return value === 'null' ? undefined : value;
}
