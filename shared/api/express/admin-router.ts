import type { IncomingMessage, ServerResponse } from 'node:http';
import { API_BASE } from '../../core/api-names.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { Caller } from '../server/caller.ts';
import { type RequestPlace, sendResponse, toRequest } from '../server/node-http.ts';
import { problemResponse } from '../server/responses.ts';
import { applicationApi } from './application-api.ts';
import type { Backups } from './start-backups.ts';

/** A request in Express's form. */
export type ApplicationRequest = IncomingMessage & {
  readonly baseUrl?: string;
  readonly ip?: string | undefined;
  /** The result of an earlier body parser. */
  readonly body?: unknown;
};

/** How requests of Express become callers. */
export interface AdminRouterOptions {
  /**
   * Identifies the caller with the application's own login; undefined if nobody is logged in.
   *
   * @default the configuration's `api.auth`
   */
  readonly caller?: (request: ApplicationRequest) => Caller | undefined | Promise<Caller | undefined>;
}

type Next = (error?: unknown) => void;

/**
 * The admin API as middleware: `app.use('/api/admin/backup', adminRouter(backups, …))`, or at any other path.
 *
 * @throws E_CONFIG if neither `caller` nor `api.auth` says who may use it
 */
export function adminRouter(
  backups: Backups,
  { caller }: AdminRouterOptions = {},
): (request: ApplicationRequest, response: ServerResponse, next: Next) => void {
  const api = applicationApi(backups, { hasLogins: caller !== undefined });
  const answer = async (request: ApplicationRequest, response: ServerResponse): Promise<Response> => {
    try {
      const given = toRequest(request, response, placeOf(request));
      const clientAddress = request.ip ?? request.socket.remoteAddress ?? '';
      const asked = await caller?.(request);
      return await api.handle(given, { clientAddress, caller: asked, signal: given.signal });
    } catch (error) {
      if (!(error instanceof HoldfastError)) backups.onError(error);
      return problemResponse(error);
    }
  };
  return (request, response, next) => {
    if (!isForApi(request)) return next();
    const sent = answer(request, response).then((result) => sendResponse(result, response));
    sent.catch((error: unknown) => {
      // The response broke off: nobody must take it for complete.
      response.destroy();
      if (!request.destroyed) backups.onError(error);
    });
  };
}

/** Mounted at a path, it handles everything below; mounted at none, what is below the API's own path. */
function isForApi({ baseUrl = '', url = '/' }: ApplicationRequest): boolean {
  return baseUrl !== '' || url.startsWith(`${API_BASE}/`);
}

/**
 * The request as if the router were mounted at the API's own path, with its body even if that was already
 * read.
 */
function placeOf({ url = '/', baseUrl = '', body, readableEnded }: ApplicationRequest): RequestPlace {
  const target = baseUrl === '' ? url : API_BASE + url;
  return { origin: 'http://application', target, ...(readableEnded ? { readBody: body ?? null } : {}) };
}
