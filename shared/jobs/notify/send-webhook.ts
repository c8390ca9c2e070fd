import { createHmac } from 'node:crypto';
import { abortedError } from '../../core/abort.ts';
import type { Clock } from '../../core/clock.ts';
import { sleep } from '../../core/sleep.ts';
import { SECOND_MS } from '../../core/units.ts';
import { VERSION } from '../../core/version.ts';

/** The result of a delivery. */
export interface Delivery {
  readonly outcome: 'delivered' | 'failed';
  readonly attempts: number;
  /** Status of the last response; null: there was none, or the channel is not HTTP. */
  readonly status: number | null;
  /** Why it failed. Without secrets. */
  readonly problem: string | null;
  /** The beginning of the last response; without secrets. */
  readonly answer: string | null;
}

/** How often and how long a webhook is tried. */
export interface SendOptions {
  readonly clock: Clock;
  /** @default 4 */
  readonly attempts?: number | undefined;
  /** For one try, until its response was read. @default 10 seconds */
  readonly timeoutMs?: number | undefined;
  /** Waits between tries. @default sleep */
  readonly wait?: ((ms: number, signal: AbortSignal) => Promise<void>) | undefined;
  readonly signal: AbortSignal;
}

/** A request over HTTP. */
export interface WebRequest {
  /** Secret. */
  readonly url: string;
  readonly body: string;
  /** The same for every try: lets a receiver recognise what it has already. */
  readonly delivery: string;
  readonly kind: string;
  /** Secret; undefined: not signed. */
  readonly signingKey?: string | undefined;
}

const ATTEMPTS = 4;
const TIMEOUT_MS = 10 * SECOND_MS;
const FIRST_WAIT_MS = SECOND_MS;
const MOST_WAIT_MS = 15 * SECOND_MS;
const MOST_ANSWER_BYTES = 2048;
const MOST_ANSWER_CHARS = 200;
/** A shorter part of a secret says nothing, and occurs in ordinary words too. */
const LEAST_SECRET_CHARS = 6;

/** Too early, too many, or the receiver's fault: another try may succeed. */
const AGAIN = [408, 425, 429];

/**
 * Posts JSON, and retries with longer and longer waits if that may help. Follows no redirect: a receiver that
 * has moved must be configured again, and a signed message is for nobody else. Throws only if it was stopped.
 *
 * @throws E_ABORTED
 */
export async function sendWebhook(request: WebRequest, options: SendOptions): Promise<Delivery> {
  const { attempts: most = ATTEMPTS, wait = sleep, signal } = options;
  if (!/^https?:$/.test(URL.canParse(request.url) ? new URL(request.url).protocol : ''))
    return failed({
      attempts: 0,
      problem: 'the secret does not hold a URL that begins with https:// or http://',
    });
  let last: Tried = { isFinal: false, status: null, problem: null, answer: null, waitMs: undefined };
  for (let attempts = 1; ; attempts++) {
    last = await tryOnce(request, options);
    const { isFinal, status, answer, problem } = last;
    if (problem === null) return { outcome: 'delivered', attempts, status, answer, problem };
    if (isFinal || attempts >= most) return failed({ attempts, status, answer, problem });
    await wait(Math.min(MOST_WAIT_MS, last.waitMs ?? FIRST_WAIT_MS * 3 ** (attempts - 1)), signal);
  }
}

/** A delivery that failed. */
export function failed(given: Pick<Delivery, 'attempts' | 'problem'> & Partial<Delivery>): Delivery {
  return { outcome: 'failed', status: null, answer: null, ...given };
}

interface Tried {
  readonly isFinal: boolean;
  readonly status: number | null;
  /** Null: it was accepted. */
  readonly problem: string | null;
  readonly answer: string | null;
  /** As the receiver asks. */
  readonly waitMs: number | undefined;
}

async function tryOnce(request: WebRequest, options: SendOptions): Promise<Tried> {
  const { signal, timeoutMs = TIMEOUT_MS } = options;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    const response = await fetch(request.url, {
      method: 'POST',
      headers: headersOf(request, options),
      body: request.body,
      redirect: 'manual',
      signal: limit,
    });
    const answer = hidden(await beginningOf(response), request);
    return judged(response, answer);
  } catch (error) {
    if (signal.aborted) throw abortedError(signal);
    const isLate = limit.aborted;
    const problem = isLate
      ? `the receiver did not respond within ${timeoutMs / SECOND_MS} s`
      : hidden(reasonOf(error), request);
    return { isFinal: isUntrusted(error), status: null, problem, answer: null, waitMs: undefined };
  }
}

function judged({ status, headers }: Response, answer: string): Tried {
  const found = { status, answer: answer === '' ? null : answer, waitMs: undefined };
  if (status >= 200 && status < 300) return { ...found, isFinal: true, problem: null };
  if (status >= 300 && status < 400)
    return {
      ...found,
      isFinal: true,
      problem: `the receiver answered ${status}, a redirect, which is not followed; configure its new address`,
    };
  const said = found.answer === null ? '' : `: ${found.answer}`;
  const problem = `the receiver answered ${status}${said}`;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  const waitMs = seconds > 0 ? seconds * SECOND_MS : undefined;
  return { ...found, problem, waitMs, isFinal: status < 500 && !AGAIN.includes(status) };
}

/** Signed as in docs/reference/notifications.md: over the seconds since 1970, a dot, and the body. */
function headersOf(
  { body, delivery, kind, signingKey }: WebRequest,
  { clock }: SendOptions,
): Record<string, string> {
  const seconds = Math.floor(clock.now().getTime() / SECOND_MS);
  const signature = (key: string) => createHmac('sha256', key).update(`${seconds}.${body}`).digest('hex');
  return {
    'content-type': 'application/json',
    'user-agent': `holdfast/${VERSION}`,
    'holdfast-delivery': delivery,
    'holdfast-kind': kind,
    ...(signingKey === undefined ? {} : { 'holdfast-signature': `t=${seconds},v1=${signature(signingKey)}` }),
  };
}

/** Does not wait for the rest. */
async function beginningOf({ body }: Response): Promise<string> {
  if (!body) return '';
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MOST_ANSWER_BYTES) break;
  }
  const text = Buffer.concat(chunks).subarray(0, MOST_ANSWER_BYTES).toString();
  return text
    .replaceAll(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, MOST_ANSWER_CHARS);
}

function reasonOf(error: unknown): string {
  const { cause = error } = error as { readonly cause?: unknown };
  const { code, message } = cause as { readonly code?: string; readonly message?: string };
  if (isUntrusted(error)) return `the receiver could not prove who it is (${code ?? 'TLS'})`;
  return `the receiver cannot be reached (${code ?? message ?? 'no reason given'})`;
}

/** Certificates: another try finds the same one. */
function isUntrusted(error: unknown): boolean {
  const { code = '' } = ((error as { readonly cause?: unknown }).cause ?? {}) as { readonly code?: string };
  return /CERT|SIGNATURE|ISSUER|ALTNAME|^ERR_TLS/.test(code);
}

/** Without the URL, its parts, and the key: a receiver may send back what it received. */
function hidden(text: string, { url, signingKey }: WebRequest): string {
  const { pathname, searchParams, username, password } = new URL(url);
  const parts = [
    url,
    ...pathname.split('/'),
    ...searchParams.values(),
    decodeURIComponent(username),
    decodeURIComponent(password),
    signingKey ?? '',
  ];
  return parts
    .filter((part) => part.length >= LEAST_SECRET_CHARS)
    .toSorted((a, b) => b.length - a.length)
    .reduce((shown, part) => shown.replaceAll(part, '…'), text);
}
