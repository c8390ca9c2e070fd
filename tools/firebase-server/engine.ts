import { initializeApp } from '@firebase/app';
import {
  type Database,
  getDatabase,
  goOffline,
  limitToFirst,
  onValue,
  orderByKey,
  type Query,
  query,
  ref,
} from '@firebase/database';

/** Google's index over the children of a node: by key, value, priority or a child. */
export interface Index {
  readonly index: unique symbol;
}

/** Google's path type. */
export interface Path {
  readonly path: unique symbol;
}

/** Google's immutable data tree, as far as this server uses it. */
export interface Node {
  isLeafNode(): boolean;
  isEmpty(): boolean;
  getPriority(): Node;
  getChild(path: Path): Node;
  updateChild(path: Path, child: Node): Node;
  updateImmediateChild(key: string, child: Node): Node;
  numChildren(): number;
  /** Stops when `action` answers true. */
  forEachChild(index: Index, action: (key: string, child: Node) => boolean | undefined): boolean;
  val(exportFormat?: boolean): unknown;
  hash(): string;
  withIndex(index: Index): Node;
  /** Where Google's code keeps the hash once computed. */
  lazyHash_: string | null;
}

interface NodeFilter {
  updateFullNode(before: Node, after: Node, changes: null): Node;
}

/** Members of Google's client that its typings hide; the version is pinned because of them. */
interface Hidden {
  readonly _repo: {
    readonly server_: { onServerInfoUpdate_(values: Readonly<Record<string, unknown>>): void };
    readonly infoData_: { getNode(path: Path): Node };
    readonly serverSyncTree_: {
      readonly syncPointTree_: {
        get(path: Path): {
          readonly views: Map<string, { readonly processor_: { readonly filter: NodeFilter } }>;
        };
      };
    };
  };
}
interface HiddenQuery {
  readonly _path: Path;
  readonly _queryIdentifier: string;
  readonly _queryParams: { getIndex(): Index };
}

/** Google's database client, offline: what makes nodes, paths and the filters of queries. */
const database: Database & Hidden = openOffline();
const base = ref(database, 'base');
const PathOf = hidden(base)._path.constructor as new (
  pathOrPieces: string | readonly string[],
  at?: number,
) => Path;
const SCRATCH = new PathOf('/.info/scratch');

/** The order of keys, as Google's code has it. */
export const KEY_INDEX: Index = hidden(query(base, orderByKey()))._queryParams.getIndex();
/** Children with priorities by priority, the others before them by key: the order of an unordered read. */
export const PRIORITY_INDEX: Index = hidden(query(base, limitToFirst(1)))._queryParams.getIndex();
/** A node that holds nothing. */
export const EMPTY: Node = toNode(null);

/** Makes a node of JSON, plain or in export format. */
export function toNode(json: unknown): Node {
  try {
    return parseNode(json);
  } catch (error) {
    if (error instanceof TypeError) return assemble(json);
    throw error;
  }
}

/** Google's parser of nodes, which is reached by way of what the client keeps of its server. */
function parseNode(json: unknown): Node {
  const { server_, infoData_ } = database._repo;
  server_.onServerInfoUpdate_({ scratch: json });
  const node = infoData_.getNode(SCRATCH);
  if (json !== null) server_.onServerInfoUpdate_({ scratch: null });
  return node;
}

/** Google's parser fails at objects with a key `hasOwnProperty`: their nodes are put together child by child. */
function assemble(json: unknown): Node {
  if (typeof json !== 'object' || json === null || '.value' in json) return parseNode(json);
  let node = EMPTY;
  for (const [key, child] of Object.entries(json)) {
    if (!key.startsWith('.')) node = node.updateImmediateChild(key, assemble(child));
  }
  return '.priority' in json ? node.updateImmediateChild('.priority', parseNode(json['.priority'])) : node;
}

/** A path as Google's code has it. */
export function toPath(keys: readonly string[]): Path {
  return new PathOf(keys, 0);
}

/** What a query is given to build on: constraints are Google's `orderByKey()` and so on. */
export { base as queryBase };

/** Runs a query against a node with the filter that Google's client chooses for it. */
export function runQuery(node: Node, constrained: Query): Node {
  const { _path, _queryIdentifier, _queryParams } = hidden(constrained);
  const stop = onValue(constrained, () => undefined);
  try {
    const views = database._repo.serverSyncTree_.syncPointTree_.get(_path).views;
    const filter = views.get(_queryIdentifier)?.processor_.filter;
    if (!filter) throw new Error(`no view of the query ${_queryIdentifier}`);
    return filter.updateFullNode(EMPTY, node.withIndex(_queryParams.getIndex()), null);
  } finally {
    stop();
  }
}

function hidden(ofQuery: Query): HiddenQuery {
  return ofQuery as unknown as HiddenQuery;
}

function openOffline(): Database & Hidden {
  const app = initializeApp({ databaseURL: 'http://127.0.0.1:1?ns=offline' }, 'holdfast-firebase-server');
  const opened = getDatabase(app);
  goOffline(opened);
  return opened as unknown as Database & Hidden;
}
