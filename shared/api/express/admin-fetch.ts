import { API_BASE } from '../../core/api-names.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Caller } from '../server/caller.ts';
import { problemResponse } from '../server/responses.ts';
import { applicationApi } from './application-api.ts';
import type { Backups } from './start-backups.ts';

/** How requests become callers. */
export interface AdminFetchOptions {
  /**
   * Identifies the caller with the application's own login; undefined if nobody is logged in.
   *
   * @default the configuration's `api.auth`
   */
  readonly caller?: (request: Request) => Caller | undefined | Promise<Caller | undefined>;
  /** The path where it is mounted. @default '/api/admin/backup' */
  readonly base?: string;
}

/** What is known of a request besides itself. */
export interface AdminFetchContext {
  /** Requests without a valid login are counted by it. @default all are counted together */
  readonly clientAddress?: string;
}

/**
 * The admin API as a function of standard requests and responses, for Hono, Fastify and others that use them.
 *
 * @throws E_CONFIG if neither `caller` nor `api.auth` says who may use it
 */
export function adminFetch(
  backups: Backups,
  { caller, base = API_BASE }: AdminFetchOptions = {},
): (request: Request, context?: AdminFetchContext) => Promise<Response> {
  const api = applicationApi(backups, { hasLogins: caller !== undefined });
  return async (request, { clientAddress = '' } = {}) => {
    try {
      const asked = await caller?.(request);
      return await api.handle(atBase(request, base), {
        clientAddress,
        caller: asked,
        signal: request.signal,
      });
    } catch (error) {
      if (!(error instanceof HoldfastError)) backups.onError(error);
      return problemResponse(error);
    }
  };
}

/** The request as if it were mounted at the API's own path. */
function atBase(request: Request, base: string): Request {
  if (base === API_BASE) return request;
  const url = new URL(request.url);
  if (url.pathname.startsWith(`${base}/`)) url.pathname = API_BASE + url.pathname.slice(base.length);
  return new Request(url, request);
}
