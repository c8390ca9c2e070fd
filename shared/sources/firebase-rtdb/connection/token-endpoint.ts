import { throwIfAborted } from '../../../core/abort.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { SECOND_MS } from '../../../core/units.ts';

const TIMEOUT_MS = 30 * SECOND_MS;
const TRIES = 3;

/** What Google wants a token for: to read and write Realtime Databases. */
export const SCOPES = [
  'https://www.googleapis.com/auth/userinfo.email',
  'https://www.googleapis.com/auth/firebase.database',
] as const;

/**
 * Asks a token endpoint and gives its JSON. What was sent is in no message, as it is secret; neither is what came, but for
 * the error that the endpoint names.
 *
 * @throws E_SOURCE_REFUSED, E_SOURCE_UNREACHABLE, E_ABORTED
 */
export async function askTokenEndpoint(
  url: string,
  { headers = {}, body }: { readonly headers?: Readonly<Record<string, string>>; readonly body: string },
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  for (let attempt = 1; ; attempt++) {
    const answer = await post(url, { headers, body }, signal).catch((error: unknown) => error);
    throwIfAborted(signal);
    const isAnswer = typeof answer === 'object' && answer !== null && 'status' in answer;
    const { status, text } = isAnswer ? (answer as Received) : { status: 599, text: '' };
    if (status < 300) return parsed(text, url);
    if (status >= 500 && attempt < TRIES) continue;
    throw isAnswer ? refused(url, status, text) : unreachable(url, answer);
  }
}

interface Received {
  readonly status: number;
  readonly text: string;
}

function parsed(text: string, url: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    throw new HoldfastError('E_SOURCE_REFUSED', `${hostOf(url)} returned an answer that is not JSON`);
  }
}

async function post(
  url: string,
  { headers, body }: { readonly headers: Readonly<Record<string, string>>; readonly body: string },
  signal: AbortSignal,
): Promise<Received> {
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body,
    redirect: 'error',
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  });
  return { status: response.status, text: await response.text() };
}

function refused(url: string, status: number, text: string): HoldfastError {
  let said = '';
  try {
    const { error, error_description: description } = JSON.parse(text) as Record<string, unknown>;
    const message =
      typeof error === 'object' && error !== null ? (error as { message?: unknown }).message : error;
    said = [message, description].filter((part) => typeof part === 'string').join(': ');
  } catch {
    // Not JSON: the status must do.
  }
  return new HoldfastError(
    'E_SOURCE_REFUSED',
    `${hostOf(url)} refused the login${said && `: ${said}`} (HTTP ${status})`,
    {
      hint: 'Check that the key of the service account is still valid and that this machine’s clock is right.',
    },
  );
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the token endpoint';
}

function unreachable(url: string, error: unknown): HoldfastError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new HoldfastError('E_SOURCE_UNREACHABLE', `${hostOf(url)} returned no token: ${reason}`, {
    cause: error,
    hint: 'Check the network: the login needs this host.',
  });
}
