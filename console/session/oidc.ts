import type { ConsoleConfig } from '../../shared/api/schema/status.ts';

type Oidc = Extract<ConsoleConfig['auth'], { kind: 'oidc' }>;

interface Endpoints {
  readonly authorization_endpoint: string;
  readonly token_endpoint: string;
}

interface Returned {
  readonly state: string;
  readonly code: string | undefined;
  readonly error: string | undefined;
}

/** Channel on which the issuer's window tells this one how it ended. */
const CHANNEL = 'holdfast-sign-in';
const WINDOW = 'popup,width=520,height=700';

/**
 * Signs in at the issuer, in a window of its own (authorization code, PKCE): this page stays open, and keeps
 * the verifier in memory. Call it from a click, or browsers block the window.
 */
export async function signInAtIssuer(auth: Oidc, signal: AbortSignal): Promise<string> {
  const opened = open('about:blank', 'holdfast-sign-in', WINDOW);
  if (!opened) throw new Error("the browser blocked the issuer's window; allow it for this page");
  try {
    const endpoints = await discover(auth.issuer);
    const verifier = randomText();
    const state = randomText();
    const code = codeFor(state, signal);
    opened.location.href = await authorizeUrl(auth, endpoints, { verifier, state });
    return await redeem(auth, endpoints, { code: await code, verifier });
  } finally {
    opened.close();
  }
}

/**
 * In the issuer's window, on its return: passes on what the address says. Returns whether this is that
 * window.
 */
export function handOnCode(): boolean {
  const query = new URLSearchParams(location.search);
  const state = query.get('state');
  if (state === null || !(query.has('code') || query.has('error'))) return false;
  history.replaceState(null, '', location.pathname);
  const channel = new BroadcastChannel(CHANNEL);
  channel.postMessage({
    state,
    code: query.get('code') ?? undefined,
    error: query.get('error_description') ?? query.get('error') ?? undefined,
  } satisfies Returned);
  channel.close();
  close();
  return true;
}

async function discover(issuer: string): Promise<Endpoints> {
  const response = await fetch(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  if (!response.ok) throw new Error(`the issuer answered ${response.status} when asked how to sign in`);
  return (await response.json()) as Endpoints;
}

async function authorizeUrl(
  { clientId, scope, audience }: Oidc,
  { authorization_endpoint }: Endpoints,
  { verifier, state }: { readonly verifier: string; readonly state: string },
): Promise<string> {
  const url = new URL(authorization_endpoint);
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  const query = {
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri(),
    scope,
    state,
    code_challenge: base64Url(new Uint8Array(digest)),
    code_challenge_method: 'S256',
    ...(audience === null ? {} : { audience }),
  };
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url.href;
}

/** Waits for the answer to the request named by `state`; others belong to other tabs. */
function codeFor(state: string, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const channel = new BroadcastChannel(CHANNEL);
    const end = () => channel.close();
    signal.addEventListener('abort', () => {
      end();
      reject(new Error('signing in was abandoned'));
    });
    channel.onmessage = ({ data }: MessageEvent<Returned>) => {
      if (data.state !== state) return;
      end();
      if (data.code === undefined) reject(new Error(data.error ?? 'the issuer returned no code'));
      else resolve(data.code);
    };
  });
}

async function redeem(
  { clientId }: Oidc,
  { token_endpoint }: Endpoints,
  { code, verifier }: { readonly code: string; readonly verifier: string },
): Promise<string> {
  const response = await fetch(token_endpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      client_id: clientId,
      redirect_uri: redirectUri(),
      code,
      code_verifier: verifier,
    }),
  });
  if (!response.ok) throw new Error(`the issuer answered ${response.status} instead of a token`);
  const { access_token } = (await response.json()) as { readonly access_token?: string };
  if (access_token === undefined) throw new Error('the issuer returned no access token');
  return access_token;
}

function redirectUri(): string {
  return location.origin + location.pathname;
}

function randomText(): string {
  return base64Url(crypto.getRandomValues(new Uint8Array(32)));
}

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}
