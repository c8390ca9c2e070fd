import type { Redirect } from './options.ts';

/** Answer of the server before it is sent. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: readonly Buffer[];
}

type Headers = Readonly<Record<string, string>>;

const JSON_TYPE = { 'content-type': 'application/json; charset=utf-8' };

/** A refusal in the form of the real service: a status and `{"error": …}`. */
export class Refusal extends Error {
  readonly reply: Reply;

  constructor(status: number, message: string, more: Headers = {}) {
    super(message);
    this.reply = { status, headers: JSON_TYPE, body: [errorBody({ ...more, error: message })] };
  }
}

/** An answer with JSON. */
export function jsonReply(body: readonly Buffer[], headers: Headers = {}): Reply {
  return { status: 200, headers: { ...JSON_TYPE, ...headers }, body };
}

/** An answer without a body. */
export function noContent(headers: Headers = {}): Reply {
  return { status: 204, headers, body: [] };
}

/** @param url of the request: its path and query go along */
export function redirectReply({ to, status = 307 }: Redirect, url: string): Reply {
  return { status, headers: { location: `${to}${url}` }, body: [] };
}

/** Lays errors out as the real service does: two spaces, a blank before the colon, a newline at the end. */
function errorBody(members: Headers): Buffer {
  const lines = Object.entries(members).map(([key, value]) => `  "${key}" : ${JSON.stringify(value)}`);
  return Buffer.from(`{\n${lines.join(',\n')}\n}\n`);
}
