import {
  type FirebaseServer,
  type FirebaseServerOptions,
  startFirebaseServer,
} from '../../../tools/firebase-server/server.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body parsed, where there is one. */
  readonly json: unknown;
}

export async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: text === '' ? undefined : JSON.parse(text),
  };
}

export function send(
  method: string,
  url: string,
  value: unknown,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return ask(url, { method, headers, body: JSON.stringify(value) });
}

/** Body of a refusal. */
export const error = (message: string) => ({ error: message });

/** Runs with a server of its own. */
export async function withServer(
  options: FirebaseServerOptions,
  use: (own: FirebaseServer) => Promise<void>,
): Promise<void> {
  const own = await startFirebaseServer(options);
  try {
    await use(own);
  } finally {
    await own[Symbol.asyncDispose]();
  }
}
