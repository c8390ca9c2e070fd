import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { Refusal, type Reply } from './reply.ts';

/** Something that goes wrong with requests. */
export interface Fault {
  /**
   * `status` refuses before anything is done. The others do what is asked, then spoil the answer: `drop` cuts the
   * connection, `truncate` ends a body early as if it were whole, `slow` sends it in small pieces, `stall` stops
   * sending and leaves the connection open, `no-answer` sends nothing and leaves it open, `invalid-json` spoils the last
   * character.
   */
  readonly kind: 'status' | 'drop' | 'truncate' | 'slow' | 'stall' | 'no-answer' | 'invalid-json';
  /** @default 503 */
  readonly status?: number;
  /** Of `status`. @default a text that the real service has with it */
  readonly text?: string;
  /** Of `status`, if it is a redirect. */
  readonly location?: string;
  /** @default 1 */
  readonly times?: number;
  /** Of `METHOD /path?query`. @default any request */
  readonly match?: RegExp;
  /** Bytes of the body that are sent before the fault; of `slow`, bytes of a piece. @default half of the body */
  readonly afterBytes?: number;
}

const SLOW_PIECE_BYTES = 16 * 1024;
const SLOW_PAUSE_MS = 20;

/** Faults that wait for the requests they match. */
export class Faults {
  readonly #waiting: { readonly fault: Fault; left: number }[] = [];

  add(fault: Fault): void {
    this.#waiting.push({ fault, left: fault.times ?? 1 });
  }

  /** The first fault for a request, used up by one. */
  take(request: string): Fault | undefined {
    const found = this.#waiting.find(({ fault, left }) => left > 0 && (fault.match?.test(request) ?? true));
    if (found) found.left--;
    return found?.fault;
  }
}

/** What a `status` fault answers. */
export function faultReply({ status = 503, text, location }: Fault): Reply {
  const { reply } = new Refusal(status, text ?? STATUS_TEXTS[status] ?? 'An internal error occurred');
  return location === undefined ? reply : { ...reply, headers: { ...reply.headers, location } };
}

const STATUS_TEXTS: Readonly<Record<number, string>> = {
  401: 'Auth token is expired',
  403: 'Invalid Firebase database name',
  404: '404 Not Found',
  429: 'Too many requests',
  503: 'Service Unavailable',
  504: 'Internal server error.',
};

/** Sends an answer spoilt by a fault. @returns bytes sent */
export async function sendSpoilt(response: ServerResponse, reply: Reply, fault: Fault): Promise<number> {
  const body = Buffer.concat(reply.body);
  const part = body.subarray(0, fault.afterBytes ?? Math.floor(body.length / 2));
  const whole = { ...reply.headers, 'content-length': String(body.length) };
  switch (fault.kind) {
    case 'no-answer':
      return 0;
    case 'truncate':
      response.writeHead(reply.status, reply.headers).end(part);
      return part.length;
    case 'invalid-json':
      response.writeHead(reply.status, whole).end(Buffer.concat([body.subarray(0, -1), Buffer.from('~')]));
      return body.length;
    case 'slow':
      response.writeHead(reply.status, whole);
      await sendSlowly(response, body, fault.afterBytes ?? SLOW_PIECE_BYTES);
      return body.length;
    default:
      response.writeHead(reply.status, whole);
      await new Promise<void>((resolve) =>
        response.write(part.length > 0 ? part : ' '.repeat(0), () => resolve()),
      );
      if (fault.kind === 'drop') response.destroy();
      return part.length;
  }
}

async function sendSlowly(response: ServerResponse, body: Buffer, pieceBytes: number): Promise<void> {
  for (let at = 0; at < body.length && !response.destroyed; at += pieceBytes) {
    response.write(body.subarray(at, at + pieceBytes));
    await delay(SLOW_PAUSE_MS);
  }
  response.end();
}
