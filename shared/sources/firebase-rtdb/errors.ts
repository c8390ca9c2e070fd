import { type ErrorCode, HoldfastError } from '../../core/errors.ts';

/** What was being done when something failed. */
export interface ErrorContext {
  /** Without a secret: `https://shop.firebaseio.com`. */
  readonly server: string;
  /** What was read or written: `/characters/alice`. */
  readonly object: string;
}

const HINTS: Partial<Record<ErrorCode, string>> = {
  E_SOURCE_REFUSED:
    'Check the database URL and the login: its project must be that of the database, and its token valid.',
  E_SOURCE_DENIED:
    'Give the service account the role Firebase Realtime Database Viewer (to restore: Admin); a user’s token sees what the rules let it see.',
  E_SOURCE_UNREACHABLE: 'Check the database URL, the network and that the database is enabled.',
  E_SOURCE_UNTRUSTED:
    'Check the database URL, and whether a proxy in between shows a certificate of its own.',
  E_SOURCE_LOST: 'Run it again; nothing of this run was listed.',
};

const ANOTHER_REGION = /different region/i;
const TOO_LARGE =
  /exceeds the maximum size|payload is too large|too[_ ]big|too large|time[d]?[_ -]?out|cannot be accessed with a single/i;

/** Whether a refusal says that the question was too big, and smaller ones may be answered. */
export function isTooLarge(status: number, text: string): boolean {
  return status === 413 || (status === 400 && TOO_LARGE.test(text));
}

/** An answer that is no success, in one of the E_SOURCE_* codes. */
export function refusalOf(
  status: number,
  text: string,
  { server, object, headers }: ErrorContext & { readonly headers: Readonly<Record<string, unknown>> },
): HoldfastError {
  const said = errorText(text);
  const message = `${object} in ${server}: ${said || 'no reason given'} (HTTP ${status})`;
  const moved = redirectOf(status, headers, server);
  if (moved !== undefined) return redirected(moved, { status, server, object });
  const correct = correctUrl(text);
  if (correct !== undefined)
    return new HoldfastError('E_SOURCE_REFUSED', `${server} is not where this database lives: ${said}`, {
      hint: `The server says that its URL is ${correct}: use that one.`,
      details: { status, correctUrl: correct },
    });
  const code = codeOf(status, said);
  const retryAfter = Number(headers['retry-after']);
  return new HoldfastError(code, message, {
    details: {
      status,
      object,
      ...(Number.isFinite(retryAfter) ? { retryAfterSeconds: Math.min(retryAfter, 60) } : {}),
    },
    hint: HINTS[code] ?? 'The words are the server’s own.',
  });
}

function codeOf(status: number, said: string): ErrorCode {
  if (status === 401 || status === 403)
    return /permission denied/i.test(said) || status === 403 ? 'E_SOURCE_DENIED' : 'E_SOURCE_REFUSED';
  if (status === 404 || (status >= 300 && status < 400)) return 'E_SOURCE_REFUSED';
  if (status === 429 || status >= 500) return 'E_SOURCE_UNREACHABLE';
  return 'E_SOURCE_FAILED';
}

/** Where a redirect leads: anything after a `?` may be a secret. */
function redirectOf(
  status: number,
  headers: Readonly<Record<string, unknown>>,
  server: string,
): URL | undefined {
  const { location } = headers;
  if (status < 300 || status >= 400 || typeof location !== 'string') return undefined;
  return URL.parse(location, server) ?? undefined;
}

/** A redirect says that somebody sends elsewhere: not that the database is there, nor who says so. */
function redirected(
  { origin, pathname, hostname }: URL,
  { status, server, object }: ErrorContext & { readonly status: number },
): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_REFUSED',
    `${object} in ${server}: the answer is a redirect to ${origin}${pathname} (HTTP ${status})`,
    {
      hint: OF_FIREBASE.test(hostname)
        ? `It was not followed, as the login would go along. If ${origin} is the database that you mean, use that URL.`
        : 'It was not followed, as the login would go along. A proxy or a page to log in at may answer for the database: check the database URL and the network.',
      details: { status, redirect: origin, object },
    },
  );
}
const OF_FIREBASE = /\.(firebaseio\.com|firebasedatabase\.app)$/;

/** The right URL, if the server says that this database is in another region. */
function correctUrl(text: string): string | undefined {
  if (!ANOTHER_REGION.test(text)) return undefined;
  return /https:\/\/[a-z0-9.-]+/i.exec(text)?.[0].replace(/\.$/, '');
}

function errorText(text: string): string {
  try {
    const { error } = JSON.parse(text) as { readonly error?: unknown };
    if (typeof error === 'string') return error;
  } catch {
    // Not JSON: a page of a proxy, or of Google's front end.
  }
  return text
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, 200);
}

const UNREACHABLE = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
]);
const CERTIFICATE =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|HOSTNAME_MISMATCH|EPROTO$)/;

/** What the network did. Never loses the cause. */
export function toSourceError(error: unknown, { server, object }: ErrorContext): HoldfastError {
  if (error instanceof HoldfastError) return error;
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  const text = error instanceof Error ? error.message || errno : String(error);
  const code: ErrorCode = CERTIFICATE.test(errno)
    ? 'E_SOURCE_UNTRUSTED'
    : UNREACHABLE.has(errno)
      ? 'E_SOURCE_UNREACHABLE'
      : 'E_SOURCE_LOST';
  const { [code]: hint = '' } = HINTS;
  return new HoldfastError(code, `${object} in ${server}: ${text}`, {
    cause: error,
    hint,
    details: { object },
  });
}
