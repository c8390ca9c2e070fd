import { API_BASE } from '../../shared/core/api-names.ts';
import { config, expire, nextToken, session } from '../session/session.ts';
import { answered, unanswered } from './connection.ts';
import { OPERATIONS } from './generated/operations.ts';
import { problemOfError, unreachable } from './problem.ts';
import type { AnswerOf, BodyOf, Operation, QueryOf } from './types.ts';

/** What a call sends, and how it is answered. */
export interface CallOptions<O extends Operation> {
  /** Replaces `{key}` or `{id}`. */
  readonly param?: string;
  readonly query?: { readonly [K in keyof QueryOf<O>]?: QueryOf<O>[K] | undefined };
  readonly body?: BodyOf<O>;
  readonly signal?: AbortSignal;
}

/** Calls an operation and reads its JSON. @throws CallError */
export async function call<O extends Operation>(
  operation: O,
  options: CallOptions<O> = {},
): Promise<AnswerOf<O>> {
  const response = await send(operation, options);
  return (await response.json()) as AnswerOf<O>;
}

/**
 * The unread response of an operation. If the API does not accept the token (any more), waits until somebody
 * has signed in again, and repeats the call: nothing that was begun on the screen is lost.
 *
 * @throws CallError
 */
export async function send<O extends Operation>(
  operation: O,
  options: CallOptions<O> = {},
): Promise<Response> {
  for (;;) {
    const token = session.value.kind === 'signed-in' ? session.value.token : await nextToken();
    const response = await request(operation, token, options);
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOfError(response);
    expire(token);
  }
}

async function request<O extends Operation>(
  operation: O,
  token: string,
  options: CallOptions<O>,
): Promise<Response> {
  const { param = '', query = {}, body, signal } = options;
  const [method, path] = OPERATIONS[operation];
  const url = new URL(
    (config.value?.apiBase ?? API_BASE) + path.replace(/\{\w+\}/, encodeURIComponent(param)),
    location.href,
  );
  for (const [name, value] of Object.entries(query as Readonly<Record<string, unknown>>))
    if (value !== undefined && value !== '') url.searchParams.set(name, String(value));
  const headers = {
    accept: 'application/json, application/problem+json, */*;q=0.5',
    authorization: `Bearer ${token}`,
    ...(body ? { 'content-type': 'application/json' } : {}),
  };
  try {
    const response = await fetch(url, {
      method,
      headers,
      cache: 'no-store',
      credentials: 'omit',
      body: body ? JSON.stringify(body) : null,
      signal: signal ?? null,
    });
    if (isGateway(response)) unanswered();
    else answered();
    return response;
  } catch (error) {
    if (signal?.aborted) throw error;
    unanswered();
    throw unreachable('The API does not respond.');
  }
}

/** Whether something in front of the API says that the API is down. */
function isGateway({ status, headers }: Response): boolean {
  return status >= 502 && status <= 504 && headers.get('content-type')?.includes('json') !== true;
}

/** Asks once whether the API is up. */
export async function ping(): Promise<void> {
  const { value: now } = session;
  await request('health', now.kind === 'signed-in' ? now.token : '', {});
}
