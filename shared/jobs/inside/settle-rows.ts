import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { RowsPlan } from './rows-plan.ts';

/** What became of rows whose commit nobody answered. */
export type Settled = 'written' | 'untouched' | 'unknown';

/** A look after a lost commit does not take longer: a function that was stopped has not much more time. */
const SETTLE_MS = 20 * SECOND_MS;
/** Who waits for the lost transaction sees its end in the next look. */
const MOST_LOOKS = 3;

/** A transaction of its own, in which the same rows are planned once more, and tried. */
export interface SecondLook extends AsyncDisposable {
  /** How the rows stand now. */
  plan(): Promise<Pick<RowsPlan, 'datasets'>>;
  /** Writes them, which waits for others who write the same rows. It is undone when the look is disposed of. */
  write(): Promise<void>;
}

/**
 * Finds out whether a transaction was committed whose commit got no answer: whether its rows are there; if not, whether somebody still
 * may write them, by trying to. Writes nothing.
 */
export async function settle(look: (signal: AbortSignal) => Promise<SecondLook>): Promise<Settled> {
  const signal = AbortSignal.timeout(SETTLE_MS);
  try {
    for (let i = 0; i < MOST_LOOKS; i++) {
      const found = await lookOnce(await look(signal));
      if (found) return found;
    }
  } catch {
    // It cannot be looked at.
  }
  return 'unknown';
}

/** Undefined if somebody wrote the rows while they were looked at. */
async function lookOnce(opened: SecondLook): Promise<Settled | undefined> {
  await using look = opened;
  const { datasets } = await look.plan();
  if (datasets.every(({ added, changed, removed }) => added + changed + removed === 0)) return 'written';
  try {
    await look.write();
    return 'untouched';
  } catch (error) {
    if (isHoldfastError(error) && ['E_SOURCE_CHANGED', 'E_ROWS_REFUSED'].includes(error.code))
      return undefined;
    throw error;
  }
}

/** What is said of rows that were not, or perhaps not, written. */
export function unsettled(cause: unknown, state: Exclude<Settled, 'written'>, target: string): HoldfastError {
  const { code, message, details } = isHoldfastError(cause)
    ? cause
    : new HoldfastError('E_SOURCE_LOST', String(cause));
  const said =
    state === 'untouched'
      ? `${target} was looked at again: nothing was changed`
      : `${target} could not be looked at again: the rows are all written, or none of them`;
  return new HoldfastError(code, `${message}; it came while the rows were committed; ${said}`, {
    cause,
    details: { ...details, state },
    hint:
      state === 'untouched'
        ? 'Run it again.'
        : 'Run it with --dry-run: what is written counts as the same already.',
  });
}
