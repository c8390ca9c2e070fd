import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { ApiError } from '../../../shared/api/server/api-error.ts';
import { sendResponse } from '../../../shared/api/server/node-http.ts';
import { problemResponse } from '../../../shared/api/server/responses.ts';

/** An OIDC issuer that lets everybody in, and beside it the console, set up to sign in there. */
export interface Issuer extends AsyncDisposable {
  readonly url: string;
  /** What the API was asked with. */
  readonly authorizations: readonly string[];
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
};

interface Asked {
  readonly request: IncomingMessage;
  readonly query: URLSearchParams;
  readonly pathname: string;
}

/**
 * Grants a token for a code once, and only to whoever has the PKCE verifier of the request. Pages of every origin may ask for one.
 *
 * @param consoleFolder of the built console that it also serves, if it is to
 */
export async function startIssuer(consoleFolder = ''): Promise<Issuer> {
  const authorizations: string[] = [];
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const routes = { ...issuerRoutes(url), '/config.json': async () => json(configOf(url)) };
  const api = ({ request }: Asked) => {
    authorizations.push(request.headers.authorization ?? '');
    return problemResponse(new ApiError('E_FORBIDDEN', 'you have no role here'));
  };
  const answer = async (request: IncomingMessage): Promise<Response> => {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', url);
    const asked = { request, query, pathname };
    if (pathname.startsWith('/api/')) return api(asked);
    return (await routes[pathname as keyof typeof routes]?.(asked)) ?? fileOf(consoleFolder, pathname);
  };
  server.on('request', (request, response) => {
    answer(request)
      .then((found) => sendResponse(found, response))
      .catch(() => response.destroy());
  });
  return {
    url,
    authorizations,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function issuerRoutes(url: string) {
  const challenges = new Map<string, string>();
  return {
    '/.well-known/openid-configuration': async () =>
      json({ authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` }),
    '/authorize': async ({ query }: Asked) => {
      const code = `code-${challenges.size}`;
      challenges.set(code, query.get('code_challenge') ?? '');
      const back = new URL(query.get('redirect_uri') ?? '');
      back.search = String(new URLSearchParams({ code, state: query.get('state') ?? '' }));
      return new Response(null, { status: 302, headers: { location: back.href } });
    },
    '/token': async ({ request }: Asked) => {
      const form = new URLSearchParams(await text(request));
      const code = form.get('code') ?? '';
      const proof = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const isGranted = challenges.get(code) === proof && form.get('client_id') === 'console';
      challenges.delete(code);
      return isGranted ? json({ access_token: 'of-the-issuer' }) : json({ error: 'invalid_grant' }, 400);
    },
  };
}

function configOf(issuer: string) {
  const auth = { kind: 'oidc', issuer, clientId: 'console', scope: 'openid', audience: null };
  return { apiBase: '/api/admin/backup', auth };
}

async function fileOf(folder: string, pathname: string): Promise<Response> {
  const file = pathname === '/' ? 'index.html' : path.normalize(pathname.slice(1));
  const body = await readFile(path.join(folder, file));
  return new Response(body, { headers: { 'content-type': TYPES[path.extname(file)] ?? 'image/svg+xml' } });
}

function json(value: unknown, status = 200): Response {
  const headers = { 'content-type': 'application/json', 'access-control-allow-origin': '*' };
  return new Response(JSON.stringify(value), { status, headers });
}
