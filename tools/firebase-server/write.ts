import { push } from '@firebase/database';
import { checkKey, checkValue, parseBody } from './body.ts';
import type { Change, RealtimeDatabase } from './database.ts';
import { type Node, queryBase, toPath } from './engine.ts';
import { etagOf } from './etag.ts';
import type { FirebaseServerOptions } from './options.ts';
import { wantsEtag } from './read.ts';
import { jsonReply, noContent, Refusal, type Reply } from './reply.ts';
import { type DatabaseRequest, keysOf, MAX_DEPTH } from './request.ts';
import { serialize } from './serialize.ts';
import { resolveServerValues } from './server-values.ts';
import { requireWriteSize } from './write-size.ts';

/** Does a PUT, PATCH, POST or DELETE: all of it or nothing. @throws Refusal */
export function answerWrite(
  db: RealtimeDatabase,
  request: DatabaseRequest,
  options: FirebaseServerOptions,
): Reply {
  if (request.method === 'PATCH') return patch(db, request, options);
  if (request.method === 'POST') return post(db, request, options);
  return replace(db, request, options);
}

function replace(db: RealtimeDatabase, request: DatabaseRequest, options: FirebaseServerOptions): Reply {
  const value = request.method === 'DELETE' ? null : newValue(request, request.keys, db);
  const conflict = conflictOf(db, request);
  if (conflict) return conflict;
  apply(db, request, [{ keys: request.keys, value }], options);
  return written(request, value, etagHeader(request, db.read(request.keys)));
}

function post(db: RealtimeDatabase, request: DatabaseRequest, options: FirebaseServerOptions): Reply {
  refuseCondition(request);
  const name = push(queryBase).key ?? '';
  const keys = [...request.keys, name];
  apply(db, request, [{ keys, value: newValue(request, keys, db) }], options);
  return written(request, { name }, etagHeader(request, db.read(keys)));
}

function patch(db: RealtimeDatabase, request: DatabaseRequest, options: FirebaseServerOptions): Reply {
  refuseCondition(request);
  if (wantsEtag(request)) throw new Refusal(400, 'X-Firebase-ETag is not supported for PATCH requests');
  const body = parseBody(request.body);
  if (body === null) {
    apply(db, request, [{ keys: request.keys, value: null }], options);
    return written(request, null, {});
  }
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new Refusal(
      400,
      "Invalid data; couldn't parse JSON object. Are you sending a JSON object with valid key names?",
    );
  }
  const changes = Object.entries(body).map(([path, value]) => changeOf(request, path, value, db));
  refuseOverlap(changes);
  apply(db, request, changes, options);
  return written(request, body, {});
}

function apply(
  db: RealtimeDatabase,
  request: DatabaseRequest,
  changes: readonly Change[],
  options: FirebaseServerOptions,
): void {
  requireWriteSize(db, request, changes, options);
  db.writeAll(changes);
}

/** One member of a PATCH: its name is a path below that of the request. */
function changeOf(request: DatabaseRequest, path: string, value: unknown, db: RealtimeDatabase): Change {
  const below = path.split('/').filter((key) => key !== '');
  if (below.length === 0) checkKey('', request.body);
  for (const key of below.at(-1) === '.priority' ? below.slice(0, -1) : below) checkKey(key, request.body);
  const keys = keysOf([...request.keys, ...below].join('/'));
  return { keys, value: checked(value, request, keys, db) };
}

/** Two members of which one lies in the other have no defined order. */
function refuseOverlap(changes: readonly Change[]): void {
  const paths = new Set(changes.map(({ keys }) => keys.join('/')));
  if (paths.size < changes.length)
    throw new Refusal(400, 'Invalid data; two paths of the update are the same');
  for (const { keys } of changes) {
    for (let length = 1; length < keys.length; length++) {
      if (paths.has(keys.slice(0, length).join('/'))) {
        throw new Refusal(400, `Invalid data; path ${keys.join('/')} lies below another path of the update`);
      }
    }
  }
}

function newValue(request: DatabaseRequest, keys: readonly string[], db: RealtimeDatabase): unknown {
  return checked(parseBody(request.body), request, keys, db);
}

function checked(
  value: unknown,
  { body }: DatabaseRequest,
  keys: readonly string[],
  db: RealtimeDatabase,
): unknown {
  const depth = keys.length;
  if (depth > MAX_DEPTH)
    throw new Refusal(400, `Invalid data; path exceeds the maximum depth of ${MAX_DEPTH}`);
  checkValue(value, depth, body);
  if (!body.includes('".sv"')) return value;
  return resolveServerValues(value, db.read(keys), (node, key) => node.getChild(toPath([key])));
}

/** 412 with what is there now, where the request names another ETag. */
function conflictOf(db: RealtimeDatabase, { headers, keys }: DatabaseRequest): Reply | undefined {
  const wanted = headers['if-match'];
  if (wanted === undefined) return undefined;
  const current = db.read(keys);
  const etag = etagOf(current);
  if (String(wanted).replaceAll('"', '') === etag) return undefined;
  const body = serialize(current, { format: 'plain', maxBytes: Number.POSITIVE_INFINITY }) ?? [];
  return { ...jsonReply(body, { etag }), status: 412 };
}

function refuseCondition({ headers, method }: DatabaseRequest): void {
  if (headers['if-match'] !== undefined)
    throw new Refusal(400, `if-match is not supported for ${method} requests`);
}

function etagHeader(request: DatabaseRequest, node: Node): Record<string, string> {
  return wantsEtag(request) ? { etag: etagOf(node) } : {};
}

function written({ params }: DatabaseRequest, answer: unknown, headers: Record<string, string>): Reply {
  if (params.get('print') === 'silent') return noContent(headers);
  const indent = params.get('print') === 'pretty' ? 2 : undefined;
  return jsonReply([Buffer.from(JSON.stringify(answer, undefined, indent))], headers);
}
