import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** How a receiver answers; `never`: it does not. */
export type Answer =
  | 'never'
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string };

export interface Receiver {
  readonly url: string;
  readonly received: Received[];
  /** What the next requests are answered; then 200. */
  answers: Answer[];
}

/** A server that is told things, as somebody else would write it. It is gone when the test is over. */
export async function startReceiver(
  answers: readonly Answer[] = [],
  tls?: { readonly key: string; readonly cert: string },
): Promise<Receiver> {
  const received: Received[] = [];
  const receiver = { url: '', received, answers: [...answers] };
  const listener: RequestListener = async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    received.push({
      path: request.url ?? '',
      headers: request.headers,
      body: Buffer.concat(chunks).toString(),
    });
    const answer = receiver.answers.shift() ?? { status: 200, body: 'ok' };
    if (answer === 'never') return;
    response.writeHead(answer.status, answer.headers).end(answer.body);
  };
  const server: Server = tls ? createTlsServer(tls, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  receiver.url = `${tls ? 'https' : 'http'}://127.0.0.1:${port}`;
  return receiver;
}

/** Whether a receiver that has the key takes the request for Holdfast's; written from docs/reference/notifications.md alone. */
export function isSigned({ headers, body }: Received, key: string, now: Date): boolean {
  const fields = new Map(
    String(headers['holdfast-signature'])
      .split(',')
      .map((field) => field.split('=') as [string, string]),
  );
  const at = Number(fields.get('t'));
  if (Math.abs(now.getTime() / 1000 - at) > 300) return false;
  return createHmac('sha256', key).update(`${at}.${body}`).digest('hex') === fields.get('v1');
}
