import { computed, signal } from '@preact/signals';
import type { ConsoleConfig, SessionAnswer } from '../../shared/core/api-status.ts';

/** How one is signed in. The token lives here and nowhere else: closing or reloading the page forgets it. */
export type Session =
  | { readonly kind: 'starting' }
  | { readonly kind: 'signed-out'; readonly why: string | undefined }
  | { readonly kind: 'signed-in'; readonly token: string }
  /** The API refuses the token. What is on the screen stays, and calls wait until one is signed in again. */
  | { readonly kind: 'expired' };

export const session = signal<Session>({ kind: 'starting' });
export const config = signal<ConsoleConfig | undefined>(undefined);
/** Whether the screens are there, in use or under the question to sign in again. */
export const isInside = computed(
  () => session.value.kind === 'signed-in' || session.value.kind === 'expired',
);

export function signIn(token: string): void {
  session.value = { kind: 'signed-in', token };
}

export function signOut(): void {
  session.value = { kind: 'signed-out', why: 'You are signed out.' };
}

/** @param token the refused one: a newer one is not forgotten */
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

/** The configuration that lies beside the console. */
export async function loadConfig(): Promise<ConsoleConfig> {
  const response = await fetch('./config.json', { headers: { accept: 'application/json' } });
  if (!response.ok) throw new Error(`config.json answered ${response.status}`);
  return (await response.json()) as ConsoleConfig;
}

/** Exchanges the one-time token of `holdfast serve` for the one of the session. */
export async function exchange(token: string): Promise<string> {
  const response = await fetch('./session', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json' },
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

/** The one-time token in what `holdfast serve` printed: the address whole, or the token alone. */
export function tokenIn(text: string): string | undefined {
  const found = /[#&?]token=([^&\s]+)/.exec(text)?.[1];
  if (found !== undefined) return decodeURIComponent(found);
  return /^[\w.~-]{8,200}$/.test(text.trim()) ? text.trim() : undefined;
}
