import type { AnswerOf, API_ROUTES, RouteId } from '../../shared/core/api.ts';
import type { ListQuery, RetentionQuery } from '../../shared/core/api-backups.ts';
import { API_BASE } from '../../shared/core/api-names.ts';
import type { DownloadQuery, RunsQuery } from '../../shared/core/api-runs.ts';
import type { AuditQuery } from '../../shared/core/api-status.ts';
import { config, expire, nextToken, session } from '../session/session.ts';
import { answered, unanswered } from './connection.ts';
import { problemOf, unreachable } from './problem.ts';

/** Method and path of each route, without its schemas; the compiler compares them with the API's own table. */
const ROUTES: { readonly [R in RouteId]: readonly [Table[R]['method'], Table[R]['path']] } = {
  health: ['GET', '/health'],
  status: ['GET', '/status'],
  create: ['POST', '/create'],
  list: ['GET', '/list'],
  download: ['GET', '/download/{key}'],
  runs: ['GET', '/runs'],
  run: ['GET', '/runs/{id}'],
  events: ['GET', '/events/{id}'],
  cancel: ['DELETE', '/runs/{id}'],
  backup: ['GET', '/backups/{key}'],
  restore: ['POST', '/restore'],
  verify: ['POST', '/verify'],
  drill: ['POST', '/drill'],
  hold: ['POST', '/hold'],
  release: ['DELETE', '/hold'],
  accept: ['POST', '/accept'],
  retention: ['GET', '/retention'],
  storage: ['GET', '/storage'],
  audit: ['GET', '/audit'],
};
type Table = typeof API_ROUTES;

export type AnyQuery = Partial<ListQuery & RetentionQuery & DownloadQuery & RunsQuery & AuditQuery>;

export interface CallOptions {
  /** In the place of `{key}` or `{id}`. */
  readonly param?: string;
  readonly query?: { readonly [K in keyof AnyQuery]?: AnyQuery[K] | undefined };
  readonly body?: object;
  readonly signal?: AbortSignal;
}

/** Calls a route and reads its JSON. @throws CallError */
export async function call<R extends RouteId>(route: R, options: CallOptions = {}): Promise<AnswerOf<R>> {
  const response = await send(route, options);
  return (await response.json()) as AnswerOf<R>;
}

/**
 * The response of a route, not read yet. Where the API does not accept the token (any more), waits until somebody has
 * signed in again, and repeats the call: nothing that was begun on the screen is lost.
 *
 * @throws CallError
 */
export async function send(route: RouteId, options: CallOptions = {}): Promise<Response> {
  for (;;) {
    const token = session.value.kind === 'signed-in' ? session.value.token : await nextToken();
    const response = await request(route, token, options);
    if (response.ok) return response;
    if (response.status !== 401) throw await problemOf(response);
    expire(token);
  }
}

async function request(route: RouteId, token: string, options: CallOptions): Promise<Response> {
  const { param = '', query = {}, body, signal } = options;
  const [method, path] = ROUTES[route];
  const url = new URL(
    (config.value?.apiBase ?? API_BASE) + path.replace(/\{\w+\}/, encodeURIComponent(param)),
    location.href,
  );
  for (const [name, value] of Object.entries(query))
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
    throw unreachable('The API does not answer.');
  }
}

/** Whether something in front of the API says that it is not there. */
function isGateway({ status, headers }: Response): boolean {
  return status >= 502 && status <= 504 && headers.get('content-type')?.includes('json') !== true;
}

/** Asks whether the API is there, once. */
export async function ping(): Promise<void> {
  const { value: now } = session;
  await request('health', now.kind === 'signed-in' ? now.token : '', {});
}
