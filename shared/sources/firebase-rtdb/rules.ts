import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { FirebaseConnection } from './connection.ts';

const PLACE = '/.settings/rules.json';

/** The security rules as they are written, comments and all; or why they are left out. @throws E_SOURCE_* */
export async function readRules(
  connection: FirebaseConnection,
  signal: AbortSignal,
): Promise<{ readonly text: string } | { readonly omitted: string }> {
  try {
    const text = await connection.ask(
      { method: 'GET', path: [], place: PLACE },
      ({ body }) => body.toString('utf8'),
      signal,
    );
    return { text };
  } catch (error) {
    if (!isHoldfastError(error, 'E_SOURCE_DENIED') && !isHoldfastError(error, 'E_SOURCE_REFUSED'))
      throw error;
    return { omitted: 'Security rules: this login may not read them.' };
  }
}

/** Puts security rules into force, and reads them back. @throws E_RESTORE_DIFFERS, E_SOURCE_* */
export async function writeRules(
  connection: FirebaseConnection,
  text: string,
  signal: AbortSignal,
): Promise<void> {
  await connection.ask({ method: 'PUT', path: [], place: PLACE, body: text }, () => undefined, signal);
  const now = await readRules(connection, signal);
  if ('text' in now && withoutBlanks(now.text) === withoutBlanks(text)) return;
  throw new HoldfastError('E_RESTORE_DIFFERS', 'the security rules do not read back as they were written', {
    hint: 'Look at them in the Firebase console; the backup has them as the dataset .settings/rules.',
  });
}

function withoutBlanks(text: string): string {
  return text.replaceAll(/\s+/g, '');
}
