import { computed, signal } from '@preact/signals';
import type { ConsoleConfig, SessionAnswer } from '../../shared/api/schema/status.ts';

/**
 * How the user is signed in. The token is kept only here. At `holdfast serve` the browser also has a cookie,
 * which scripts cannot read; with it a reloaded page gets another token.
 */
export type Session =
  | { readonly kind: 'starting' }
  | { readonly kind: 'signed-out'; readonly why: string | undefined }
  | { readonly kind: 'signed-in'; readonly token: string }
  /** The API refuses the token. The screen stays, and calls wait until the user signs in again. */
  | { readonly kind: 'expired' };

const JSON_HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** Who is signed in, or how one can. */
export const session = signal<Session>({ kind: 'starting' });
/** What the server says of how one signs in; undefined until it has. */
export const config = signal<ConsoleConfig | undefined>(undefined);
/** Whether the screens are visible, in use or behind the dialog to sign in again. */
export const isInside = computed(
  () => session.value.kind === 'signed-in' || session.value.kind === 'expired',
);

/** Begins a session with a token that was just had. */
export function signIn(token: string): void {
  session.value = { kind: 'signed-in', token };
}

/** Ends the session; at `holdfast serve` on the server too, for all its pages. */
export async function signOut(): Promise<void> {
  const now = session.value;
  session.value = { kind: 'signed-out', why: 'You are signed out.' };
  if (now.kind !== 'signed-in' || !isLocal()) return;
  if (!(await endSession(now.token)))
    session.value = {
      kind: 'signed-out',
      why: 'This page is signed out. The server did not respond: your sign-in there stays valid until it does, or is stopped.',
    };
}

/**
 * Takes the link of `holdfast serve` that was opened in this page. Ends the sign-in before it. @throws why
 * the link is not valid
 */
export async function signInByLink(token: string): Promise<void> {
  const before = session.value;
  signIn(await exchange(token));
  if (before.kind === 'signed-in') await endToken(before.token);
}

/** Another token of this browser's session, if it has one. */
export async function resume(): Promise<string | undefined> {
  if (!isLocal()) return undefined;
  const response = await fetch('./session/resume', { method: 'POST', headers: JSON_HEADERS });
  return response.ok ? ((await response.json()) as SessionAnswer).token : undefined;
}

function isLocal(): boolean {
  return config.value?.auth.kind === 'token';
}

/** Ends a token's session, and removes the cookie. Returns whether the server responded. */
function endSession(token: string): Promise<boolean> {
  return end(token, 'same-origin');
}

/** Ends a token's session, and keeps the cookie, which belongs to a newer one. */
function endToken(token: string): Promise<boolean> {
  return end(token, 'omit');
}

async function end(token: string, credentials: RequestCredentials): Promise<boolean> {
  const headers = { ...JSON_HEADERS, authorization: `Bearer ${token}` };
  const response = await fetch('./session', { method: 'DELETE', headers, credentials }).catch(
    () => undefined,
  );
  return response?.ok === true;
}

/** @param token the refused one: a newer one is kept */
export function expire(token: string): void {
  const now = session.value;
  if (now.kind === 'signed-in' && now.token === token) session.value = { kind: 'expired' };
}

/** The token, as soon as there is one. */
export function nextToken(): Promise<string> {
  return new Promise((resolve) => {
    let stop: (() => void) | undefined;
    let isDone = false;
    stop = session.subscribe((now) => {
      if (now.kind !== 'signed-in') return;
      isDone = true;
      stop?.();
      resolve(now.token);
    });
    if (isDone) stop();
  });
}

/** The configuration next to the console. */
export async function loadConsoleConfig(): Promise<ConsoleConfig> {
  const response = await fetch('./config.json', { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`config.json answered ${response.status}`);
  return (await response.json()) as ConsoleConfig;
}

/** Exchanges the one-time token of `holdfast serve` for the session's token. */
export async function exchange(token: string): Promise<string> {
  const response = await fetch('./session', {
    method: 'POST',
    headers: JSON_HEADERS,
    body: JSON.stringify({ token }),
  });
  if (!response.ok) throw new Error(await reasonOf(response));
  return ((await response.json()) as SessionAnswer).token;
}

async function reasonOf(response: Response): Promise<string> {
  const problem: unknown = await response.json().catch(() => undefined);
  const detail =
    typeof problem === 'object' && problem !== null && 'detail' in problem ? problem.detail : undefined;
  return typeof detail === 'string' ? detail : `the server answered ${response.status}`;
}

/** The one-time token in the opened address, removed from it; undefined if it has none. */
export function takeToken(before = '#/'): string | undefined {
  if (!location.hash.startsWith('#token=')) return undefined;
  const token = tokenIn(location.hash);
  history.replaceState(null, '', `${location.pathname}${before}`);
  return token;
}

/** The one-time token in what `holdfast serve` printed: the whole address, or just the token. */
export function tokenIn(text: string): string | undefined {
  const found = /[#&?]token=([^&\s]+)/.exec(text)?.[1];
  if (found !== undefined) return decodeURIComponent(found);
  return /^[\w.~-]{8,200}$/.test(text.trim()) ? text.trim() : undefined;
}
