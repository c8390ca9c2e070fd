import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { FirebaseConnection } from '../connection/connection.ts';

const PLACE = '/.settings/rules.json';
/** Rules are JSON with comments, and no rules without this member can be saved. */
const HAS_RULES = /^[^"]*\{[\s\S]*"rules"\s*:/;

/** The rules, or why they could not be read. */
export type RulesRead =
  | { readonly text: string }
  /** One sentence; `isDenied` if it was to be expected for this login. */
  | { readonly omitted: string; readonly isDenied: boolean };

/**
 * The security rules as they are written, comments and all; or why they are left out. The data are worth a backup without
 * them, which says that it has none.
 *
 * @throws E_ABORTED
 */
export async function readRules(connection: FirebaseConnection, signal: AbortSignal): Promise<RulesRead> {
  try {
    return { text: await fetchRules(connection, signal) };
  } catch (error) {
    if (!isHoldfastError(error) || error.code === 'E_ABORTED') throw error;
    if (isRefusedLogin(error))
      return { omitted: 'Security rules: this login may not read them.', isDenied: true };
    return { omitted: `Security rules: they could not be read (${error.message}).`, isDenied: false };
  }
}

/** Puts security rules into force, and reads them back. @throws E_RESTORE_DIFFERS, E_SOURCE_* */
export async function writeRules(
  connection: FirebaseConnection,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  await connection.ask({ method: 'PUT', path: [], place: PLACE, body: text }, () => undefined, signal);
  const now = await fetchRules(connection, signal).catch((error: unknown) => {
    throw notReadBack(error);
  });
  if (withoutBlanks(now) === withoutBlanks(text)) return;
  throw new HoldfastError('E_RESTORE_DIFFERS', 'the security rules do not read back as they were written', {
    hint: 'Look at them in the Firebase console; the backup has them as the dataset .settings/rules.',
  });
}

/** The same login has read data by then. */
function isRefusedLogin({ code, details }: HoldfastError): boolean {
  return code === 'E_SOURCE_DENIED' || details['status'] === 401;
}

/** @throws E_SOURCE_* */
async function fetchRules(connection: FirebaseConnection, signal: AbortSignal): Promise<string> {
  const text = await connection.ask(
    { method: 'GET', path: [], place: PLACE },
    ({ body }) => body.toString('utf8'),
    signal,
  );
  if (HAS_RULES.test(text)) return text;
  throw new HoldfastError('E_SOURCE_FAILED', `${PLACE}: the answer is not security rules`, {
    hint: 'Look whether something between here and the database answers for it.',
  });
}

function notReadBack(error: unknown): unknown {
  if (!isHoldfastError(error) || error.code === 'E_ABORTED') return error;
  const { code, message, details } = error;
  return new HoldfastError(code, `the security rules were written, but could not be read back: ${message}`, {
    cause: error,
    details,
    hint: 'Look at them in the Firebase console; the backup has them as the dataset .settings/rules.',
  });
}

function withoutBlanks(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
