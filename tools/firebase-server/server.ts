import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { RateLimit, requireTime, requireToken } from './access.ts';
import { RealtimeDatabase } from './database.ts';
import type { Node } from './engine.ts';
import { marked, unmarked } from './exact-integers.ts';
import { type Fault, Faults, faultReply, sendSpoilt } from './faults.ts';
import type { FirebaseServerOptions } from './options.ts';
import { answerRead } from './read.ts';
import { Refusal, type Reply, redirectReply } from './reply.ts';
import { type DatabaseRequest, keysOf, parseRequest } from './request.ts';
import { answerSettings } from './rules.ts';
import { serialize } from './serialize.ts';
import { answerWrite } from './write.ts';

/** Long enough for the longest path. */
const MAX_HEADER_BYTES = 128 * 1024;
const MAX_WRITE_BYTES = 256 * 1024 * 1024;

export type { FirebaseServerOptions };

/** What was asked so far. */
export interface FirebaseServerStats {
  readonly requests: number;
  /** Bytes of bodies. */
  readonly bytesSent: number;
  /** Requests by `read`, `shallow`, `query`, `silent`, `settings`, `put`, `patch`, `post`, `delete` and `other`. */
  readonly byKind: Readonly<Record<string, number>>;
}

/** A server that runs until it is disposed of. */
export interface FirebaseServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly stats: FirebaseServerStats;
  /** Spoils the next requests. */
  fail(next: Fault): void;
  /** Writes past HTTP to the first database, plain JSON or export format; bigints too with `exactIntegers`. */
  set(path: string, value: unknown): Promise<void>;
  /** Reads past HTTP from the first database, in export format without arrays. */
  get(path: string): Promise<unknown>;
}

/** Starts a database server on 127.0.0.1 that answers as Firebase's REST service does; its data is in memory. */
export async function startFirebaseServer(options: FirebaseServerOptions = {}): Promise<FirebaseServer> {
  const service = new Service(options);
  const server = createServer(
    { maxHeaderSize: MAX_HEADER_BYTES },
    (request, response) => void service.serve(request, response),
  );
  server.listen(options.port ?? 0, '127.0.0.1');
  await once(server, 'listening');
  const main = service.main;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stats: service.stats,
    fail: (next) => service.faults.add(next),
    set: async (path, value) =>
      main.write([{ keys: keysOf(path), value: options.exactIntegers ? marked(value) : value }]),
    get: async (path) => exported(main.read(keysOf(path)), options),
    [Symbol.asyncDispose]: () => stop(server),
  };
}

/** Export format without the faults of Google's `val`, which loses a key `__proto__`. */
function exported(node: Node, { exactIntegers = false }: FirebaseServerOptions): unknown {
  const pieces = serialize(node, { format: 'export', maxBytes: Number.POSITIVE_INFINITY }) ?? [];
  const text = Buffer.concat(pieces).toString();
  return exactIntegers ? unmarked(text) : JSON.parse(text);
}

async function stop(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

class Service {
  readonly stats = { requests: 0, bytesSent: 0, byKind: {} as Record<string, number> };
  readonly faults = new Faults();
  readonly #options: FirebaseServerOptions;
  readonly #databases: ReadonlyMap<string, RealtimeDatabase>;
  readonly #defaultNamespace: string;
  readonly #rate: RateLimit;

  constructor(options: FirebaseServerOptions) {
    const namespaces = options.namespaces ?? ['local'];
    this.#options = options;
    this.#databases = new Map(namespaces.map((name) => [name, new RealtimeDatabase()]));
    this.#defaultNamespace = namespaces[0] ?? 'local';
    this.#rate = new RateLimit(options.requestsPerSecond);
  }

  /** The first database. */
  get main(): RealtimeDatabase {
    return this.#database(this.#defaultNamespace);
  }

  async serve(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const label = `${message.method} ${message.url}`;
    const fault = this.faults.take(label);
    const reply = await this.#reply(message, fault);
    if (this.#options.latencyMs) await delay(this.#options.latencyMs);
    if (response.destroyed) return;
    const spoilt = fault && fault.kind !== 'status';
    const sent = spoilt ? await sendSpoilt(response, reply, fault) : await send(response, reply);
    this.stats.bytesSent += sent;
  }

  async #reply(message: IncomingMessage, fault: Fault | undefined): Promise<Reply> {
    this.stats.requests++;
    try {
      const body = await readBody(message, this.#options.maxWriteBytes ?? MAX_WRITE_BYTES);
      const { method = 'GET', url = '/', headers } = message;
      this.#rate.take();
      if (fault?.kind === 'status') return faultReply(fault);
      const request = parseRequest({ method, url, headers, body }, this.#defaultNamespace);
      this.#count(kindOf(request));
      return this.#answer(request);
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      return new Refusal(500, `An internal error occurred: ${error instanceof Error ? error.stack : error}`)
        .reply;
    }
  }

  #answer(request: DatabaseRequest): Reply {
    const redirect = this.#options.redirects?.[request.namespace];
    if (redirect) return redirectReply(redirect, request.url);
    const db = this.#database(request.namespace);
    requireToken(request, this.#options);
    requireTime(request, this.#options);
    if (request.settings) return answerSettings(db, request);
    return request.method === 'GET'
      ? answerRead(db, request, this.#options)
      : answerWrite(db, request, this.#options);
  }

  #database(namespace: string): RealtimeDatabase {
    const correctUrl = this.#options.elsewhere?.[namespace];
    if (correctUrl !== undefined) {
      const message = `Database lives in a different region. Please change your database URL to ${correctUrl}`;
      throw new Refusal(404, message, { correctUrl });
    }
    const db = this.#databases.get(namespace);
    if (!db) throw new Refusal(404, '404 Not Found');
    return db;
  }

  #count(kind: string): void {
    this.stats.byKind[kind] = (this.stats.byKind[kind] ?? 0) + 1;
  }
}

function kindOf({ method, params, settings }: DatabaseRequest): string {
  if (settings) return 'settings';
  if (method !== 'GET') return method.toLowerCase();
  if (params.get('shallow') === 'true') return 'shallow';
  if (params.get('print') === 'silent') return 'silent';
  return params.has('orderBy') ? 'query' : 'read';
}

async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes <= maxBytes) pieces.push(piece);
  }
  if (bytes > maxBytes) throw new Refusal(413, 'Payload is too large');
  return Buffer.concat(pieces);
}

/** @returns bytes sent, all of them even if the client left early */
async function send(response: ServerResponse, reply: Reply): Promise<number> {
  const bytes = reply.body.reduce((sum, piece) => sum + piece.length, 0);
  const length = reply.status === 204 || reply.status === 304 ? {} : { 'content-length': String(bytes) };
  response.writeHead(reply.status, { 'cache-control': 'no-cache', ...reply.headers, ...length });
  await pipeline(reply.body, response).catch(() => undefined);
  return bytes;
}
