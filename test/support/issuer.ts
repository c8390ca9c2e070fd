import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { text } from 'node:stream/consumers';

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

/** Grants a token for a code once, and only to whoever has the PKCE verifier of the request. */
export async function startIssuer(consoleFolder: string): Promise<Issuer> {
  const challenges = new Map<string, string>();
  const authorizations: string[] = [];
  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(request.url ?? '/', url);
    const json = (value: unknown, status = 200) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (pathname === '/config.json') {
      const auth = { kind: 'oidc', issuer: url, clientId: 'console', scope: 'openid', audience: null };
      json({ apiBase: '/api/admin/backup', auth });
    } else if (pathname === '/.well-known/openid-configuration') {
      json({ authorization_endpoint: `${url}/authorize`, token_endpoint: `${url}/token` });
    } else if (pathname === '/authorize') {
      const code = `code-${challenges.size}`;
      challenges.set(code, searchParams.get('code_challenge') ?? '');
      const back = new URL(searchParams.get('redirect_uri') ?? '');
      back.search = String(new URLSearchParams({ code, state: searchParams.get('state') ?? '' }));
      response.writeHead(302, { location: back.href }).end();
    } else if (pathname === '/token') {
      const form = new URLSearchParams(await text(request));
      const verifier = createHash('sha256')
        .update(form.get('code_verifier') ?? '')
        .digest('base64url');
      const code = form.get('code') ?? '';
      const isGranted = challenges.get(code) === verifier && form.get('client_id') === 'console';
      challenges.delete(code);
      json(isGranted ? { access_token: 'of-the-issuer' } : { error: 'invalid_grant' }, isGranted ? 200 : 400);
    } else if (pathname.startsWith('/api/')) {
      authorizations.push(request.headers.authorization ?? '');
      json({ code: 'E_FORBIDDEN', detail: 'you have no role here', hint: null }, 403);
    } else {
      const file = pathname === '/' ? 'index.html' : pathname.slice(1);
      const body = await readFile(path.join(consoleFolder, path.normalize(file)));
      response.writeHead(200, { 'content-type': TYPES[path.extname(file)] ?? 'image/svg+xml' }).end(body);
    }
  }

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
