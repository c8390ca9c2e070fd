import type { Granted, Sessions } from '../access/sessions.ts';
import { SessionBody } from '../schema/status.ts';
import { ApiError } from '../server/api-error.ts';
import { bearerToken } from '../server/caller.ts';
import { methodNotAllowed } from '../server/match-route.ts';
import { readBody } from '../server/read-request.ts';
import { jsonResponse } from '../server/responses.ts';

/** Beside the API: what only a browser on this machine needs. */
export const SESSION_METHODS: Readonly<Record<string, readonly string[]>> = {
  '/session': ['POST', 'DELETE'],
  '/session/resume': ['POST'],
};

/**
 * Signing in, staying signed in when the page reloads, and signing out.
 *
 * The cookie is limited to these paths, scripts cannot read it, and the API does not accept it: with it a
 * page gets a token, and only the token allows anything. Browsers send cookies to every port of a host, so
 * the request must also come from a page of this very server.
 */
export class SessionRoutes {
  readonly #sessions: Sessions;
  readonly #cookie: string;
  readonly #onLink: (why: 'used' | 'expired') => void;

  /** @param onLink there is no usable link any more */
  constructor(sessions: Sessions, port: number, onLink: (why: 'used' | 'expired') => void) {
    this.#sessions = sessions;
    this.#cookie = `holdfast-${port}`;
    this.#onLink = onLink;
  }

  /** @throws E_UNAUTHENTICATED, E_FORBIDDEN, E_BAD_REQUEST, E_NO_ROUTE */
  async answer(request: Request, pathname: string): Promise<Response> {
    const methods = SESSION_METHODS[pathname] ?? [];
    if (!methods.includes(request.method)) throw methodNotAllowed(request.method, methods);
    if (pathname === '/session/resume') return this.#resume(request);
    return request.method === 'DELETE' ? this.#end(request) : this.#begin(request);
  }

  async #begin(request: Request): Promise<Response> {
    const { token } = SessionBody.parse(await readBody(request, SessionBody));
    try {
      const { key, ...granted } = this.#sessions.begin(token);
      this.#onLink('used');
      return jsonResponse(200, document(granted), this.#keep(key));
    } catch (error) {
      if (!this.#sessions.hasLink) this.#onLink('expired');
      throw error;
    }
  }

  #resume(request: Request): Response {
    refuseOthers(request);
    const key = this.#keyOf(request);
    if (key === undefined)
      throw new ApiError('E_UNAUTHENTICATED', 'this browser has no session here', {
        hint: 'Open the newest link that holdfast serve printed.',
      });
    return jsonResponse(200, document(this.#sessions.resume(key)));
  }

  #end(request: Request): Response {
    const secret = bearerToken(request);
    if (secret === undefined) refuseOthers(request);
    for (const one of [secret, this.#keyOf(request)]) if (one !== undefined) this.#sessions.end(one);
    return jsonResponse(200, {}, this.#keep(''));
  }

  #keyOf(request: Request): string | undefined {
    const cookies = (request.headers.get('cookie') ?? '').split(/; */);
    const found = cookies.find((cookie) => cookie.startsWith(`${this.#cookie}=`));
    return found?.slice(this.#cookie.length + 1) || undefined;
  }

  /** @param key '' removes the cookie */
  #keep(key: string): Readonly<Record<string, string>> {
    const until = key === '' ? '; Max-Age=0' : '';
    return { 'set-cookie': `${this.#cookie}=${key}; Path=/session; HttpOnly; SameSite=Strict${until}` };
  }
}

/**
 * Only pages of this server may use a cookie; browsers say where every such request comes from. @throws
 * E_FORBIDDEN
 */
function refuseOthers({ headers }: Request): void {
  const isOwn = headers.get('origin') === `http://${headers.get('host')}`;
  const site = headers.get('sec-fetch-site') ?? 'same-origin';
  if (isOwn && site === 'same-origin') return;
  throw new ApiError('E_FORBIDDEN', 'only a page of this server may use its sign-in', {
    hint: 'Open the newest link that holdfast serve printed.',
  });
}

function document({ token, expiresAt }: Granted) {
  return { token, expiresAt: expiresAt.toISOString() };
}
