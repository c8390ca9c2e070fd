import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ApiError } from './api-error.ts';
import { refuseNoMethod } from './match-route.ts';

/** Headers that a request may have only once: of two, proxies may read the other one. */
const ONCE = ['host', 'authorization', 'content-type', 'origin', 'idempotency-key', 'sec-fetch-site'];

/** Where a request came in. */
export interface RequestPlace {
  /** Scheme and host of its path. */
  readonly origin: string;
  /** Path and query. @default the request's own */
  readonly target?: string;
  /** The parsed body, if something has already read it. */
  readonly readBody?: unknown;
}

/**
 * A request of Node's own server as a standard one. It is aborted when the client goes away.
 *
 * @throws E_BAD_REQUEST for a path that no URL has, and for a repeated header; E_NO_ROUTE
 */
export function toRequest(
  incoming: IncomingMessage,
  response: ServerResponse,
  { origin, target = incoming.url ?? '/', readBody }: RequestPlace,
): Request {
  const { method = 'GET' } = incoming;
  const url = urlOf(target, origin);
  refuseTwice(incoming);
  refuseNoMethod(method, url.pathname);
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = readBody === undefined ? Readable.toWeb(incoming) : JSON.stringify(readBody);
  return new Request(url, {
    method,
    headers: headersOf(incoming),
    signal: gone.signal,
    ...(hasBody ? { body: body as ReadableStream<Uint8Array>, duplex: 'half' } : {}),
  });
}

function refuseTwice({ headersDistinct }: IncomingMessage): void {
  const twice = ONCE.find((name) => (headersDistinct[name]?.length ?? 0) > 1);
  if (twice !== undefined)
    throw new ApiError('E_BAD_REQUEST', `the header ${twice} appears twice`, {
      fields: [{ field: twice, problem: 'appears twice' }],
    });
}

function headersOf({ headers }: IncomingMessage): Headers {
  const given = new Headers();
  for (const [name, value] of Object.entries(headers))
    if (!name.startsWith(':') && value !== undefined)
      given.set(name, Array.isArray(value) ? value.join(', ') : value);
  return given;
}

/**
 * Sends a standard response; one that breaks off closes the connection, so that nobody takes it for complete.
 */
export async function sendResponse(answer: Response, response: ServerResponse): Promise<void> {
  response.statusCode = answer.status;
  for (const [name, value] of answer.headers) response.setHeader(name, value);
  if (!answer.body) {
    response.end();
    return;
  }
  await pipeline(Readable.fromWeb(answer.body as Parameters<typeof Readable.fromWeb>[0]), response);
}

/** Dots in a path are not resolved: a path that would lead elsewhere is no route. */
function urlOf(target: string, origin: string): URL {
  const path = target.split('?', 1)[0] ?? '';
  if (!target.startsWith('/') || /(^|\/)(\.|%2e){1,2}(\/|$)/i.test(path) || target.startsWith('//'))
    throw new ApiError('E_BAD_REQUEST', 'the path is not valid in a request');
  try {
    return new URL(target, origin);
  } catch (cause) {
    throw new ApiError('E_BAD_REQUEST', 'the path is not valid in a request', { cause });
  }
}
