import type { Problem } from './types.ts';

/** Why a call did not get what it asked for. */
export interface Failure {
  /** `unreachable`: no response, or a gateway's; `refused`: by the API, with a code. */
  readonly kind: 'unreachable' | 'refused';
  readonly code: string;
  readonly message: string;
  readonly hint: string | undefined;
  /** By field, if the request was invalid. */
  readonly fields: readonly { readonly field: string; readonly problem: string }[];
  /** When to try again, as the API asks. */
  readonly retryAfterMs: number | undefined;
}

/** The error of a call to the API. */
export class CallError extends Error implements Failure {
  readonly kind: Failure['kind'];
  readonly code: string;
  readonly hint: string | undefined;
  readonly fields: Failure['fields'];
  readonly retryAfterMs: number | undefined;

  constructor({ kind, code, message, hint, fields, retryAfterMs }: Failure) {
    super(message);
    this.kind = kind;
    this.code = code;
    this.hint = hint;
    this.fields = fields;
    this.retryAfterMs = retryAfterMs;
  }
}

/** The failure of a call that got no answer of the API's own. */
export function unreachable(message: string): CallError {
  return new CallError({
    kind: 'unreachable',
    code: '',
    message,
    hint: undefined,
    fields: [],
    retryAfterMs: undefined,
  });
}

/**
 * The error in a response. One without problem details is not from the API, but from something in front of
 * it.
 */
export async function problemOfError(response: Response): Promise<CallError> {
  const body: unknown = await response.json().catch(() => undefined);
  if (!isProblem(body)) return unreachable(`the server answered ${response.status}, but not as the API does`);
  const seconds = Number(response.headers.get('retry-after'));
  return new CallError({
    kind: 'refused',
    code: body.code,
    message: body.detail,
    hint: body.hint ?? undefined,
    fields: body.fields ?? [],
    retryAfterMs: seconds > 0 ? seconds * 1000 : undefined,
  });
}

function isProblem(body: unknown): body is Problem {
  return typeof body === 'object' && body !== null && 'code' in body && 'detail' in body;
}

/** What to show for any thrown value. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CallError) return error;
  return unreachable(error instanceof Error ? error.message : String(error));
}
