import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { passOn } from '../pass-on.ts';

/** What a store, or the network before it, does to a request. */
export type ProxyFault =
  /** Answers that it is asked too often; the store hears nothing of it. */
  | 'slow-down'
  /** Answers with an error of its own. */
  | 'error'
  /** Refuses access, as a bucket policy does. */
  | 'denied'
  /** Says that the object is archived. */
  | 'archived'
  /** Breaks the connection off while the request is on its way. */
  | 'reset-request'
  /** Does the work, and breaks the connection off in the middle of the answer. */
  | 'reset-answer'
  /** Does the work, gives half of the answer, and falls silent. */
  | 'stall'
  /** Gives the answer in small pieces, with pauses. */
  | 'drip';

export interface ProxiedRequest {
  /** Method, path and range: the same for attempts at the same thing. */
  readonly what: string;
  readonly method: string;
  readonly fault: ProxyFault | undefined;
}

export interface FaultyProxy extends AsyncDisposable {
  readonly endpoint: string;
  /** Oldest first. */
  readonly requests: readonly ProxiedRequest[];
}

/** Stands before an S3 server, on loopback, and spoils the requests that `choose` gives a fault for. */
export async function faultyProxy(
  to: string,
  choose: (request: {
    readonly what: string;
    readonly method: string;
    readonly n: number;
  }) => ProxyFault | undefined,
): Promise<FaultyProxy> {
  const requests: ProxiedRequest[] = [];
  const server = createServer((incoming, answer) => {
    const { method = '', url = '', headers } = incoming;
    const what = `${method} ${url} ${headers.range ?? ''}`;
    const fault = choose({ what, method, n: requests.length + 1 });
    requests.push({ what, method, fault });
    spoil(incoming, answer, { to: new URL(to), fault }).catch(() => answer.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

async function spoil(
  incoming: IncomingMessage,
  answer: ServerResponse,
  { to, fault }: { readonly to: URL; readonly fault: ProxyFault | undefined },
): Promise<void> {
  if (fault === 'reset-request') {
    incoming.once('readable', () => incoming.socket.destroy());
    return;
  }
  const body = Buffer.concat(await Array.fromAsync(incoming as AsyncIterable<Buffer>));
  if (fault === 'slow-down') refuse(answer, 503, 'SlowDown');
  else if (fault === 'error') refuse(answer, 500, 'InternalError');
  else if (fault === 'denied') refuse(answer, 403, 'AccessDenied');
  else if (fault === 'archived') refuse(answer, 403, 'InvalidObjectState');
  else await pass(await passOn(incoming, body, to), answer, fault);
}

function refuse(answer: ServerResponse, status: number, code: string): void {
  answer.writeHead(status, { 'content-type': 'application/xml' });
  answer.end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>by the proxy</Message></Error>`);
}

async function pass(
  from: IncomingMessage,
  answer: ServerResponse,
  fault: ProxyFault | undefined,
): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(from as AsyncIterable<Buffer>));
  const half = body.subarray(0, body.length >> 1);
  if (fault === 'reset-answer' && half.length === 0) {
    answer.destroy();
    return;
  }
  answer.writeHead(from.statusCode ?? 502, from.headers);
  if (fault === 'reset-answer') answer.write(half, () => answer.destroy());
  else if (fault === 'stall' && half.length > 0) answer.write(half);
  else if (fault === 'drip') await drip(body, answer);
  else answer.end(body);
}

async function drip(body: Buffer, answer: ServerResponse): Promise<void> {
  const piece = Math.max(1, body.length >> 3);
  for (let at = 0; at < body.length; at += piece) {
    answer.write(body.subarray(at, at + piece));
    await delay(1);
  }
  answer.end();
}
