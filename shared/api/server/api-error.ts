import { ERRORS, type ErrorCode, HoldfastError, hintOf } from '../../core/errors.ts';
import type { ApiProblem } from '../schema/status.ts';

/** How an error of the API is answered. */
export interface ApiErrorOptions {
  readonly status?: number;
  readonly hint?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly fields?: ApiProblem['fields'];
  readonly cause?: unknown;
}

/** An error with an HTTP status, headers or fields of its own. */
export class ApiError extends HoldfastError {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly fields: ApiProblem['fields'];

  constructor(code: ErrorCode, message: string, options: ApiErrorOptions = {}) {
    super(code, message, {
      cause: options.cause,
      ...(options.hint === undefined ? {} : { hint: options.hint }),
    });
    this.status = options.status;
    this.headers = options.headers ?? {};
    this.fields = options.fields;
  }
}

/** HTTP statuses of codes; others go by class of exit status. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  E_INTERNAL: 500,
  E_CONFIG: 500,
  E_NO_REPOSITORY: 503,
  E_FOREIGN_REPOSITORY: 503,
  E_UNAUTHENTICATED: 401,
  E_FORBIDDEN: 403,
  E_RATE_LIMIT: 429,
  E_NO_KEY: 503,
  E_BUSY: 409,
};
const OF_CLASS: Readonly<Record<number, number>> = {
  2: 400,
  10: 404,
  11: 409,
  12: 500,
  13: 502,
  20: 500,
  30: 502,
};
const OTHERWISE = 503;

/** Problem details (RFC 9457). For anything but a `HoldfastError` they only say that it happened. */
export function problemOf(error: unknown): {
  readonly problem: ApiProblem;
  readonly headers: Record<string, string>;
} {
  const known = error instanceof HoldfastError ? error : internal();
  const own = known instanceof ApiError ? known : undefined;
  const { code } = known;
  const status = own?.status ?? STATUSES[code] ?? OF_CLASS[ERRORS[code].exitStatus] ?? OTHERWISE;
  const problem = {
    type: `urn:holdfast:error:${code}`,
    title: ERRORS[code].meaning,
    status,
    detail: code === 'E_INTERNAL' ? internal().message : known.message,
    code,
    hint: hintOf(code, known.hint) ?? null,
    ...(own?.fields ? { fields: own.fields } : {}),
  };
  return { problem, headers: { ...own?.headers } };
}

function internal(): HoldfastError {
  return new HoldfastError('E_INTERNAL', 'the server failed in an unknown way', {
    hint: 'Its log says more.',
  });
}
