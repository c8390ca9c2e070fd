import type { RealtimeDatabase } from './database.ts';
import { KEY_INDEX, type Node } from './engine.ts';
import { etagOfAnswer } from './etag.ts';
import { jsonOf, parseExactly, withDigits } from './exact-integers.ts';
import type { FirebaseServerOptions } from './options.ts';
import { answerQuery, keyQuery, parseQuery, QUERY_NAMES } from './query.ts';
import { jsonReply, noContent, Refusal, type Reply } from './reply.ts';
import type { DatabaseRequest } from './request.ts';
import { requireIndex } from './rules.ts';
import { type SerializeOptions, serialize } from './serialize.ts';

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
  const stored = db.read(request.keys);
  const read: Read = { db, request, options, stored, kind: kindOf(params) };
  const body = lazily(() => bodyOf(read));
  const etag = etagFor(read, body);
  if (isUnchanged(request, etag)) return { status: 304, headers: etag, body: [] };
  const pieces = body();
  if (read.kind === 'silent') return noContent(etag);
  if (read.kind === 'shallow') return jsonReply(pieces, etag);
  return jsonReply(params.get('print') === 'pretty' ? pretty(pieces) : pieces, {
    ...etag,
    ...download(params),
  });
}

interface Read {
  readonly db: RealtimeDatabase;
  readonly request: DatabaseRequest;
  readonly options: FirebaseServerOptions;
  /** The whole place, whatever is asked of it. */
  readonly stored: Node;
  readonly kind: 'data' | 'shallow' | 'silent';
}

function kindOf(params: URLSearchParams): Read['kind'] {
  if (params.get('shallow') === 'true') return 'shallow';
  return params.get('print') === 'silent' ? 'silent' : 'data';
}

function bodyOf(read: Read): readonly Buffer[] {
  const { kind, options, request, stored } = read;
  if (kind === 'shallow') return shallow(stored, request.params, options);
  const format = formatOf(request.params, options);
  const node = select(read);
  if (kind === 'silent' && !options.limitSilentReads) return [];
  if (node.numChildren() > (options.maxChildren ?? Number.POSITIVE_INFINITY)) throw tooBig(options);
  const pieces = serialize(node, { format, maxBytes: options.maxResponseBytes ?? MAX_RESPONSE_BYTES });
  if (!pieces) throw tooBig(options);
  return kind === 'silent' ? [] : pieces;
}

/** The header of an ETag, if the request wants one and there is one. */
function etagFor({ request, options, stored, kind }: Read, body: () => readonly Buffer[]): Headers {
  if (!wantsEtag(request)) return {};
  const without = options.etagWithoutBody;
  const meaning = {
    data: options.etagOf,
    shallow: options.etagOfShallow ?? without,
    silent: options.etagOfSilent ?? without,
  }[kind];
  const etag = etagOfAnswer(meaning ?? 'data', { node: stored, keys: request.keys, body }, options);
  return etag === undefined ? {} : { etag };
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
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

/** What is too large to answer, in the two ways the real service says it. */
function tooBig(options: FirebaseServerOptions): Refusal {
  return options.tooBigStatus === 413
    ? new Refusal(413, 'Payload is too large')
    : new Refusal(400, 'Data requested exceeds the maximum size that can be accessed with a single request.');
}

function select({ db, request: { params, keys }, options, stored }: Read): Node {
  const parsed = parseQuery(params);
  if (!parsed) return stored;
  requireIndex(db.rules, keys, parsed.orderBy);
  const { pagedQueryLimitChildren, pagedQueryLimitBytes, maxChildren } = options;
  const most = Math.min(
    pagedQueryLimitChildren ?? Number.POSITIVE_INFINITY,
    maxChildren ?? Number.POSITIVE_INFINITY,
  );
  if (stored.numChildren() > most) throw tooBig(options);
  if (
    pagedQueryLimitBytes !== undefined &&
    !serialize(stored, { format: 'export', maxBytes: pagedQueryLimitBytes })
  )
    throw tooBig(options);
  return answerQuery(stored, parsed);
}

function shallow(stored: Node, params: URLSearchParams, options: FirebaseServerOptions): Buffer[] {
  const allowed = options.shallowAlone ? [] : BESIDE_SHALLOW;
  const mixed = [...QUERY_NAMES, 'format'].filter((name) => params.has(name) && !allowed.includes(name));
  if (mixed.length > 0) throw new Refusal(400, 'Mixing shallow with other query parameters is not supported');
  if (stored.isLeafNode() || stored.isEmpty()) return [Buffer.from(jsonOf(stored.val()))];
  const query = keyQuery(params, options.shallowStartAfter);
  const entries: string[] = [];
  (query ? answerQuery(stored, query) : stored).forEachChild(KEY_INDEX, (key) => {
    entries.push(`${JSON.stringify(key)}:true`);
    return undefined;
  });
  const body = Buffer.from(entries.length === 0 ? 'null' : `{${entries.join(',')}}`);
  if (body.length > (options.maxResponseBytes ?? MAX_RESPONSE_BYTES)) throw tooBig(options);
  return [body];
}

function formatOf(
  params: URLSearchParams,
  { exportArrays = false }: FirebaseServerOptions,
): SerializeOptions['format'] {
  const format = params.get('format');
  if (format === null) return 'plain';
  if (format === 'export') return exportArrays ? 'export-arrays' : 'export';
  throw new Refusal(400, `Unsupported value for the format parameter: ${format}`);
}

function download(params: URLSearchParams): Record<string, string> {
  const name = params.get('download');
  return name === null
    ? {}
    : { 'content-disposition': `attachment; filename="${name.replaceAll(/["\\\r\n]/g, '_')}"` };
}

function pretty(pieces: readonly Buffer[]): Buffer[] {
  const text = JSON.stringify(parseExactly(Buffer.concat(pieces).toString()), undefined, 2);
  return [Buffer.from(withDigits(text))];
}
