import pg from 'pg';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';

/** Values that a type does not take, or that the condition of a domain does not. */
const REFUSED = /^(22|23502$|23514$)/;
/** Of characters that an encoding lacks: these say themselves what to do. */
const ENCODING = /^(22021|22P05)$/;

/** An error of staging: if the target's column does not take a value, it says which column and value. Others stay as they are. */
export function refusedValue(error: unknown, dataset: string): unknown {
  const state = isHoldfastError(error) ? String(error.details['sqlState']) : '';
  if (!isHoldfastError(error) || !REFUSED.test(state) || ENCODING.test(state)) return error;
  const { cause } = error;
  const said = cause instanceof pg.DatabaseError ? cause : undefined;
  const what = said?.column === undefined ? 'the target' : `${said.column} in the target`;
  return new HoldfastError(
    'E_ROWS_REFUSED',
    `${dataset}: ${what} does not take a value of these rows: ${said?.message ?? error.message}; nothing was changed`,
    {
      cause: error,
      hint: 'The table changed since the backup. Put the rows into a table beside it: --beside NAME.',
    },
  );
}
