import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { RestoreFailure } from '../../target.ts';

/** Is told of what could not be restored, if a restore may go on without it. */
export type OnFailure = ((failure: RestoreFailure) => void) | undefined;

/** Classes of SQLSTATE that speak of the server, not of an object: resources, an operator, the system, a bug. */
const OF_SERVER = /^(?:53|57|58(?!P01)|XX)/;

/** Whether an error is about one object, so that others may still be restored. */
export function isOfObject(error: unknown): error is HoldfastError {
  if (!isHoldfastError(error)) return false;
  const state = String(error.details['sqlState'] ?? '');
  const isAnswer = ['E_SOURCE_FAILED', 'E_SOURCE_DENIED', 'E_SOURCE_CHANGED'].includes(error.code);
  return isAnswer && state !== '' && !OF_SERVER.test(state);
}

/** Runs `work`; an error that concerns only the object goes to `onFailure`, if there is one. */
export async function goOn(
  what: { readonly object: string; readonly dataset?: string | undefined },
  work: () => Promise<unknown>,
  onFailure: OnFailure,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!onFailure || !isOfObject(error)) throw error;
    const { object, dataset } = what;
    onFailure({ object, message: error.message, ...(dataset !== undefined && { dataset }) });
  }
}

const MOST_NAMED = 20;

/** The message if some objects could not be made, and none was kept. */
export function nothingChanged(
  failures: readonly { readonly object: string; readonly error: HoldfastError }[],
): HoldfastError {
  const [first, ...others] = failures;
  if (first === undefined) return new HoldfastError('E_INTERNAL', 'nothing failed');
  const named = others.slice(0, MOST_NAMED).map(({ object }) => object);
  const more = others.length > MOST_NAMED ? ` and ${others.length - MOST_NAMED} more` : '';
  const also = others.length === 0 ? '' : `; also ${named.join(', ')}${more}`;
  const { code, message, hint = '', details } = first.error;
  return new HoldfastError(code, `${message}${also}; nothing was changed`, {
    cause: first.error,
    details: { ...details, failures: failures.length },
    hint: `${hint} To restore all but these, pass --keep-going.`.trim(),
  });
}
