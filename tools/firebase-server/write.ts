import { push } from '@firebase/database';
import { checkKey, checkValue, parseBody } from './body.ts';
import type { Change, RealtimeDatabase } from './database.ts';
import { queryBase, toPath } from './engine.ts';
import { etagOf } from './etag.ts';
import { withDigits } from './exact-integers.ts';
import type { FirebaseServerOptions } from './options.ts';
import { wantsEtag } from './read.ts';
import { jsonReply, noContent, Refusal, type Reply } from './reply.ts';
import { type DatabaseRequest, keysOf, MAX_DEPTH } from './request.ts';
import { serialize } from './serialize.ts';
import { resolveServerValues } from './server-values.ts';
import { requireWriteSize } from './write-size.ts';

interface Write {
  readonly db: RealtimeDatabase;
  readonly request: DatabaseRequest;
  readonly options: FirebaseServerOptions;
  /** Whether the body may hold `{".sv": …}`. */
  readonly serverValues: boolean;
}

/** Does a PUT, PATCH, POST or DELETE: all of it or nothing. @throws Refusal */
export function answerWrite(
  db: RealtimeDatabase,
  request: DatabaseRequest,
  options: FirebaseServerOptions,
): Reply {
  const write = { db, request, options, serverValues: request.body.includes('".sv"') };
  if (request.method === 'PATCH') return patch(write);
  if (request.method === 'POST') return post(write);
  return replace(write);
}

function replace(write: Write): Reply {
  const { request } = write;
  const value =
    request.method === 'DELETE' ? null : checked(parseBody(request.body, write.options), request.keys, write);
  const conflict = conflictOf(write);
  if (conflict) return conflict;
  apply([{ keys: request.keys, value }], write);
  return written(value, request.keys, write);
}

function post(write: Write): Reply {
  const { request } = write;
  refuseCondition(request);
  const name = push(queryBase).key ?? '';
  const keys = [...request.keys, name];
  apply([{ keys, value: checked(parseBody(request.body, write.options), keys, write) }], write);
  return written({ name }, keys, write);
}

function patch(write: Write): Reply {
  const { request } = write;
  refuseCondition(request);
  if (wantsEtag(request)) throw new Refusal(400, 'X-Firebase-ETag is not supported for PATCH requests');
  const body = parseBody(request.body, write.options);
  apply(changesOf(body, write), write);
  return written(body, request.keys, write);
}

function changesOf(body: unknown, write: Write): readonly Change[] {
  const { keys } = write.request;
  if (body === null) return [{ keys, value: null }];
  if (typeof body !== 'object' || Array.isArray(body)) {
    throw new Refusal(
      400,
      "Invalid data; couldn't parse JSON object. Are you sending a JSON object with valid key names?",
    );
  }
  const changes = Object.entries(body).map(([path, value]) => changeOf(path, value, write));
  refuseOverlap(changes);
  return changes;
}

/** One member of a PATCH: its name is a path below that of the request. */
function changeOf(path: string, value: unknown, write: Write): Change {
  const { body, keys: above } = write.request;
  const below = path.split('/').filter((key) => key !== '');
  if (below.length === 0) checkKey('', body);
  for (const key of below.at(-1) === '.priority' ? below.slice(0, -1) : below) checkKey(key, body);
  const keys = keysOf([...above, ...below].join('/'));
  return { keys, value: checked(value, keys, write) };
}

/** Two members have no defined order if one lies in the other. */
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

/** The value to write, checked and with server values put in. @throws Refusal */
function checked(value: unknown, keys: readonly string[], { db, request, serverValues }: Write): unknown {
  if (keys.length > MAX_DEPTH) {
    throw new Refusal(400, `Invalid data; path exceeds the maximum depth of ${MAX_DEPTH}`);
  }
  checkValue(value, keys.length, request.body);
  if (!serverValues) return value;
  return resolveServerValues(value, db.read(keys), (node, key) => node.getChild(toPath([key])));
}

function apply(changes: readonly Change[], { db, request, options }: Write): void {
  requireWriteSize(db, request, changes, options);
  db.write(changes);
}

/** 412 with what is there now, if the request names another ETag. */
function conflictOf({ db, request: { headers, keys }, options }: Write): Reply | undefined {
  const wanted = headers['if-match'];
  if (wanted === undefined) return undefined;
  const current = db.read(keys);
  const etag = etagOf(current, options);
  if (String(wanted).replaceAll('"', '') === etag) return undefined;
  const body = serialize(current, { format: 'plain', maxBytes: Number.POSITIVE_INFINITY }) ?? [];
  return { ...jsonReply(body, { etag }), status: 412 };
}

function refuseCondition({ headers, method }: DatabaseRequest): void {
  if (headers['if-match'] !== undefined) {
    throw new Refusal(400, `if-match is not supported for ${method} requests`);
  }
}

function written(answer: unknown, keys: readonly string[], { db, request, options }: Write): Reply {
  const headers: Record<string, string> = wantsEtag(request) ? { etag: etagOf(db.read(keys), options) } : {};
  const print = request.params.get('print');
  if (print === 'silent') return noContent(headers);
  return jsonReply(
    [Buffer.from(withDigits(JSON.stringify(answer, undefined, print === 'pretty' ? 2 : undefined)))],
    headers,
  );
}
