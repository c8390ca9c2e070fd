import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { KiB, SECOND_MS } from '../../../core/units.ts';
import { isTooLarge, refusalOf, toSourceError } from '../errors.ts';
import { type Credentials, isRefreshable } from './credentials.ts';
import { type NodePath, showPath, urlPath } from './paths.ts';

const MOST_TRIES = 6;
const LONGEST_PAUSE_MS = 10 * SECOND_MS;
const MOST_ERROR_BYTES = 64 * KiB;
/** Of a status line and the ends of lines; what is billed is more than bodies. */
const LINE_BYTES = 4;

/** Where a database is, and how to ask it. */
export interface ConnectionOptions {
  /** `https://shop.firebaseio.com` */
  readonly origin: string;
  /** Of a local server that holds several databases. */
  readonly namespace: string | undefined;
  readonly credentials: Credentials;
  /** Without a byte for so long, a request has failed. */
  readonly timeoutMs: number;
  /** False: none is asked for, and nothing rests on one. @default true */
  readonly usesEtags?: boolean;
  /** Before what failed is tried again; then twice as long each time. */
  readonly firstPauseMs: number;
}

/** One request. */
export interface Ask {
  readonly method: 'GET' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: NodePath;
  readonly query?: Readonly<Record<string, string>>;
  /** Instead of `path`, of what is no data: `/.settings/rules.json`. */
  readonly place?: string;
  readonly body?: string;
  /** Asks for the ETag. */
  readonly etag?: boolean;
  /** Not repeated if no answer came, as it may have succeeded: the caller checks. */
  readonly isSentOnce?: boolean;
  /** More of an answer than this is not read: the request is broken off. Asked with the first bytes of the answer. */
  readonly mostBytes?: (start: Buffer) => number;
}

/** What came back. */
export interface Answer {
  /** All of it, or what came before it was broken off. */
  readonly body: Buffer;
  readonly etag: string | undefined;
  readonly outcome: 'whole' | 'cut' | 'too-large';
}

/** What was asked of a database so far. */
export interface Traffic {
  readonly requests: number;
  /** Headers and bodies of answers, before TLS. */
  readonly readBytes: number;
}

/** A database by its REST interface, on connections that are kept. Whatever fails for a moment is tried again. */
export class FirebaseConnection implements AsyncDisposable {
  readonly #options: ConnectionOptions;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #isSecure: boolean;
  #requests = 0;
  #readBytes = 0;
  #isClosed = false;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#isSecure = options.origin.startsWith('https:');
    const Agent = this.#isSecure ? HttpsAgent : HttpAgent;
    this.#agent = new Agent({ keepAlive: true, maxSockets: 64, scheduling: 'lifo' });
  }

  get usesEtags(): boolean {
    return this.#options.usesEtags ?? true;
  }

  get traffic(): Traffic {
    return { requests: this.#requests, readBytes: this.#readBytes };
  }

  /**
   * Asks, and again if that can help: six times at most.
   *
   * @param read makes of the answer what is wanted; what it throws as E_SOURCE_LOST is asked for again
   * @throws E_SOURCE_REFUSED, E_SOURCE_DENIED, E_SOURCE_UNREACHABLE, E_SOURCE_LOST, E_SOURCE_FAILED,
   * E_ABORTED
   */
  async ask<T>(ask: Ask, read: (answer: Answer) => T, signal: AbortSignal): Promise<T> {
    const { firstPauseMs } = this.#options;
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#once(ask, signal);
        const result = read(answer);
        // The body, and the text that was made of it.
        buffersLetGo(2 * answer.body.length);
        return result;
      } catch (error) {
        throwIfAborted(signal);
        const isLast = this.#isClosed || attempt === MOST_TRIES;
        if (isLast || !isHoldfastError(error) || !isTriedAgain(error, ask))
          throw naming(error, showPlace(ask));
        const asked = Number(error.details['retryAfterSeconds'] ?? 0) * SECOND_MS;
        const pause = Math.min(firstPauseMs * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
        await wait(Math.max(asked, pause * (0.5 + Math.random() / 2)), signal);
      }
    }
  }

  /** What is still asked fails, and is not asked again: that would open connections that nobody closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#agent.destroy();
  }

  async #once(ask: Ask, signal: AbortSignal): Promise<Answer> {
    const { credentials } = this.#options;
    const first = await this.#send(ask, signal);
    if (first.status !== 401 || !isRefreshable(credentials)) return this.#answerOf(first, ask);
    credentials.forget();
    return this.#answerOf(await this.#send(ask, signal), ask);
  }

  #answerOf({ status, headers, body, isCut }: Received, ask: Ask): Answer {
    const etag = this.usesEtags ? headers['etag'] : undefined;
    if (status >= 200 && status < 300) return { body, etag, outcome: isCut ? 'cut' : 'whole' };
    const text = body.toString('utf8');
    if (isTooLarge(status, text)) return { body, etag: undefined, outcome: 'too-large' };
    throw refusalOf(status, text, { server: this.#options.origin, object: showPlace(ask), headers });
  }

  async #send(ask: Ask, signal: AbortSignal): Promise<Received> {
    throwIfAborted(signal);
    const { origin, credentials, timeoutMs } = this.#options;
    const url = new URL((ask.place ?? urlPath(ask.path)) + this.#query(ask), origin);
    const { header, parameter } = await credentials.authorize(signal);
    if (this.#isClosed) throw new HoldfastError('E_SOURCE_LOST', `the connection to ${origin} was closed`);
    if (parameter) url.searchParams.set(parameter.name, parameter.value);
    const headers = {
      ...(ask.etag && this.usesEtags ? { 'x-firebase-etag': 'true' } : {}),
      ...(ask.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(header === undefined ? {} : { authorization: header }),
    };
    const request = (this.#isSecure ? httpsRequest : httpRequest)(url, {
      method: ask.method,
      agent: this.#agent,
      headers,
      timeout: timeoutMs,
      signal,
    });
    this.#requests++;
    try {
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        request.on('response', resolve).on('error', reject);
        request.on('timeout', () => request.destroy(new Error(`no answer for ${timeoutMs / SECOND_MS} s`)));
        request.end(ask.body);
      });
      return await this.#receive(response, ask.mostBytes);
    } catch (error) {
      if (signal.aborted) throw abortedError(signal);
      throw toSourceError(error, { server: origin, object: showPlace(ask) });
    }
  }

  /** @throws if the answer is not whole: it broke off, or the server said another length */
  async #receive(response: IncomingMessage, mostBytes: Ask['mostBytes']): Promise<Received> {
    const { statusCode: status = 0, headers, rawHeaders } = response;
    this.#readBytes += rawHeaders.reduce((sum, text) => sum + text.length + LINE_BYTES / 2, LINE_BYTES);
    const pieces: Buffer[] = [];
    let most = status < 300 ? Number.POSITIVE_INFINITY : MOST_ERROR_BYTES;
    let bytes = 0;
    for await (const piece of response as AsyncIterable<Buffer>) {
      if (bytes === 0 && status < 300 && mostBytes) most = mostBytes(piece);
      pieces.push(piece);
      bytes += piece.length;
      this.#readBytes += piece.length;
      // Leaving the loop ends the connection: what is on its way is the server's loss.
      if (bytes > most) return { status, headers, body: Buffer.concat(pieces), isCut: true };
    }
    if (!response.complete) throw new Error(`the answer broke off after ${bytes} bytes`);
    return { status, headers, body: Buffer.concat(pieces), isCut: false };
  }

  #query({ query = {} }: Ask): string {
    const { namespace } = this.#options;
    const all = new URLSearchParams(namespace === undefined ? query : { ns: namespace, ...query });
    return all.size === 0 ? '' : `?${all}`;
  }
}

function isTriedAgain({ code, retryable }: HoldfastError, { isSentOnce = false }: Ask): boolean {
  return retryable && !(isSentOnce && code === 'E_SOURCE_LOST');
}

interface Received {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
  readonly isCut: boolean;
}

/** What could not be read says where it is. */
function naming(error: unknown, object: string): unknown {
  if (!(error instanceof HoldfastError) || error.message.includes(object)) return error;
  const { code, message, details, hint, cause } = error;
  return new HoldfastError(code, `${object}: ${message}`, {
    cause,
    details: { ...details, object },
    ...(hint === undefined ? {} : { hint }),
  });
}

function showPlace({ path, place }: Ask): string {
  return place ?? showPath(path);
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {
    throw abortedError(signal);
  });
}
