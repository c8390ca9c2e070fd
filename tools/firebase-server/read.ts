import { hash } from 'node:crypto';
import type { RealtimeDatabase } from './database.ts';
import { KEY_INDEX, type Node } from './engine.ts';
import { etagOf } from './etag.ts';
import type { FirebaseServerOptions } from './options.ts';
import { answerQuery, keyQuery, parseQuery, QUERY_NAMES } from './query.ts';
import { jsonReply, noContent, Refusal, type Reply } from './reply.ts';
import type { DatabaseRequest } from './request.ts';
import { requireIndex } from './rules.ts';
import { serialize } from './serialize.ts';

type Headers = Readonly<Record<string, string>>;

const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;
/** What Google's own command line sends beside `shallow`; the documentation allows nothing. */
const BESIDE_SHALLOW: readonly string[] = ['limitToFirst', 'startAfter'];

/** Answers a GET. @throws Refusal */
export function answerRead(
  db: RealtimeDatabase,
  request: DatabaseRequest,
  options: FirebaseServerOptions,
): Reply {
  const { params, headers } = request;
  if (headers['if-match'] !== undefined) throw new Refusal(400, 'if-match is not supported for GET requests');
  const format = formatOf(params);
  const stored = db.read(request.keys);
  const etag: Headers = wantsEtag(request) ? { etag: etagOf(stored) } : {};
  if (isUnchanged(request, etag)) return { status: 304, headers: etag, body: [] };
  if (params.get('shallow') === 'true') {
    const body = shallow(stored, params, options);
    return jsonReply(body, etagWithoutBody(etag, body, options));
  }
  const node = select(stored, db, request, options);
  if (params.get('print') === 'silent') return noContent(etagWithoutBody(etag, [], options));
  const pieces = serialize(node, { format, maxBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES });
  if (!pieces) throw tooBig(options);
  return jsonReply(params.get('print') === 'pretty' ? pretty(pieces) : pieces, {
    ...etag,
    ...download(params),
  });
}

/** Conditional requests get an ETag unasked: Google's Admin SDK for Python relies on it. */
export function wantsEtag({ headers }: DatabaseRequest): boolean {
  const conditional = headers['if-none-match'] ?? headers['if-match'];
  return headers['x-firebase-etag'] === 'true' || conditional !== undefined;
}

/** 304 is not in the reference of the REST service, but Google's Admin SDK for Python uses and tests it. */
function isUnchanged({ headers }: DatabaseRequest, { etag }: Headers): boolean {
  return etag !== undefined && headers['if-none-match'] === etag;
}

function etagWithoutBody(etag: Headers, body: readonly Buffer[], options: FirebaseServerOptions): Headers {
  if (etag['etag'] === undefined || options.etagWithoutBody === 'none') return {};
  return options.etagWithoutBody === 'answer' ? { etag: hash('sha1', Buffer.concat(body), 'base64') } : etag;
}

/** What is too large to answer, in the two ways the real service says it. */
function tooBig(options: FirebaseServerOptions): Refusal {
  return options.tooBigStatus === 413
    ? new Refusal(413, 'Payload is too large')
    : new Refusal(400, 'Data requested exceeds the maximum size that can be accessed with a single request.');
}

function select(
  stored: Node,
  db: RealtimeDatabase,
  { params, keys }: DatabaseRequest,
  options: FirebaseServerOptions,
): Node {
  const parsed = parseQuery(params);
  if (!parsed) return stored;
  requireIndex(db.rules, keys, parsed.orderBy);
  if (stored.numChildren() > (options.pagedQueryLimitChildren ?? Number.POSITIVE_INFINITY))
    throw tooBig(options);
  return answerQuery(stored, parsed);
}

function shallow(stored: Node, params: URLSearchParams, options: FirebaseServerOptions): Buffer[] {
  const mixed = [...QUERY_NAMES, 'format'].filter(
    (name) => params.has(name) && !BESIDE_SHALLOW.includes(name),
  );
  if (mixed.length > 0) throw new Refusal(400, 'Mixing shallow with other query parameters is not supported');
  if (stored.isLeafNode() || stored.isEmpty()) return [Buffer.from(JSON.stringify(stored.val()))];
  const query = keyQuery(params);
  const entries: string[] = [];
  (query ? answerQuery(stored, query) : stored).forEachChild(KEY_INDEX, (key) => {
    entries.push(`${JSON.stringify(key)}:true`);
    return undefined;
  });
  const body = Buffer.from(entries.length === 0 ? 'null' : `{${entries.join(',')}}`);
  if (body.length > (options.maxResponseBytes ?? MAX_RESPONSE_BYTES)) throw tooBig(options);
  return [body];
}

function formatOf(params: URLSearchParams): 'plain' | 'export' {
  const format = params.get('format');
  if (format === null) return 'plain';
  if (format === 'export') return 'export';
  throw new Refusal(400, `Unsupported value for the format parameter: ${format}`);
}

function download(params: URLSearchParams): Record<string, string> {
  const name = params.get('download');
  return name === null
    ? {}
    : { 'content-disposition': `attachment; filename="${name.replaceAll(/["\\\r\n]/g, '_')}"` };
}

function pretty(pieces: readonly Buffer[]): Buffer[] {
  return [Buffer.from(JSON.stringify(JSON.parse(Buffer.concat(pieces).toString()), undefined, 2))];
}
