import { ApiError } from './api-error.ts';

const PREFLIGHT_SECONDS = 600;

/** For every response of the API: it is never cached, framed, sniffed or run. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000; includeSubDomains',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Lets a page of a configured origin read the response; nothing for all others. */
export function corsHeaders(request: Request, allowed: readonly string[]): Record<string, string> {
  const origin = request.headers.get('origin');
  if (origin === null || !allowed.includes(origin)) return { vary: 'origin' };
  return {
    vary: 'origin',
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'content-disposition, etag, retry-after',
    'cross-origin-resource-policy': 'cross-origin',
  };
}

/** @throws E_FORBIDDEN for a page of another origin */
export function preflight(request: Request, cors: Readonly<Record<string, string>>): Response {
  if (!('access-control-allow-origin' in cors))
    throw new ApiError('E_FORBIDDEN', 'pages of that origin may not call the API', {
      hint: 'Configure api.corsOrigins.',
    });
  const method = request.headers.get('access-control-request-method') ?? '';
  return new Response(null, {
    status: 204,
    headers: {
      ...SECURITY_HEADERS,
      ...cors,
      'access-control-allow-methods': ['GET', 'POST', 'DELETE'].includes(method) ? method : 'GET',
      'access-control-allow-headers': 'authorization, content-type, idempotency-key, if-none-match',
      'access-control-max-age': String(PREFLIGHT_SECONDS),
    },
  });
}
