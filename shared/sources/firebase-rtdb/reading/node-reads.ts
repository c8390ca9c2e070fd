import { HoldfastError } from '../../../core/errors.ts';
import { MiB } from '../../../core/units.ts';
import type { Answer, FirebaseConnection } from '../connection/connection.ts';
import { isAddressable, type NodePath, showPath } from '../connection/paths.ts';
import type { ReadLimits } from '../connection/read-limits.ts';
import { CanonicalJson, countWholeMembers, type Member } from '../text/json.ts';

/** A text has 10 MB at most, and six bytes a character when it is escaped. */
const MOST_SCALAR_BYTES = 64 * MiB;

/** How much is read at a time. */
export interface ReadOptions {
  readonly limits: ReadLimits;
  readonly signal: AbortSignal;
}

/** What a read of a node gave. */
export type NodeRead =
  | {
      readonly kind: 'whole';
      /** Canonical; `null` if it is empty. */
      readonly value: string;
      readonly depth: number;
      readonly etag: string | undefined;
    }
  | {
      readonly kind: 'large';
      /** Of a child, as far as could be seen. */
      readonly childBytes: number | undefined;
    };

/** A node in one request, if it is small enough. */
export async function readNode(
  connection: FirebaseConnection,
  path: NodePath,
  { limits, signal }: ReadOptions,
): Promise<NodeRead> {
  if (!isAddressable(path)) return readByParent(connection, path, signal);
  return connection.ask(
    {
      method: 'GET',
      path,
      query: { format: 'export' },
      etag: true,
      mostBytes: (start) => (isScalar(start) ? MOST_SCALAR_BYTES : limits.nodeBytes),
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
    return { kind: 'whole', value: json.whole(), depth: json.depth, etag };
  }
  if (isScalar(body))
    throw new HoldfastError('E_SOURCE_FAILED', `${showPath(path)} holds a longer text than any may have`);
  const children = countWholeMembers(body.toString('latin1'));
  return { kind: 'large', childBytes: children === 0 ? body.length : body.length / children };
}

/** A node whose key no URL can hold: as a page of its parent, and whole, as what is below it has no URL either. */
async function readByParent(
  connection: FirebaseConnection,
  path: NodePath,
  signal: AbortSignal,
): Promise<NodeRead> {
  const key = path.at(-1) ?? '';
  const query = {
    format: 'export',
    orderBy: '"$key"',
    startAt: JSON.stringify(key),
    endAt: JSON.stringify(key),
  };
  return connection.ask(
    { method: 'GET', path: path.slice(0, -1), query, mostBytes: () => MOST_SCALAR_BYTES },
    ({ body, outcome }) => {
      if (outcome !== 'whole') throw tooLargeForItsKey(path);
      const json = new CanonicalJson(body);
      const value = json.members()?.find((member) => member.key === key)?.value ?? 'null';
      return { kind: 'whole', value, depth: Math.max(json.depth - 1, 0), etag: undefined };
    },
    signal,
  );
}

function tooLargeForItsKey(path: NodePath): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `the key of ${JSON.stringify(showPath(path))} is half of a character, which no URL can hold, and the node is too large to be read with its parent`,
    { hint: `Rename the key, or keep the node below ${MOST_SCALAR_BYTES / MiB} MiB.` },
  );
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
  /** More than one request may return; `firstKey` if it is visible. */
  | { readonly kind: 'cut'; readonly firstKey: string | undefined }
  | { readonly kind: 'refused' };

/** The children that follow `after` in the order of keys, as far as the server takes `startAfter` so. */
export async function readPage(
  connection: FirebaseConnection,
  path: NodePath,
  {
    after,
    count,
    limits,
    signal,
  }: ReadOptions & { readonly after: string | undefined; readonly count: number },
): Promise<PageRead> {
  const query = {
    format: 'export',
    orderBy: '"$key"',
    limitToFirst: String(count),
    ...(after === undefined ? {} : { startAfter: JSON.stringify(after) }),
  };
  return connection.ask({ method: 'GET', path, query, mostBytes: () => limits.pageBytes }, pageOf, signal);
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
