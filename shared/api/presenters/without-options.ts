import { type ErrorCode, HoldfastError } from '../../core/errors.ts';
import { ApiError } from '../server/api-error.ts';

/** Hints that speak of options of the command line say nothing to users of the API. */
const OF_COMMAND_LINE = /--\w|`holdfast/;
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  E_USAGE:
    'A condition is such as id = 42, total >= 10.50, email ~ @example.org or paid_at is null. If the backup has several datasets, name one.',
  E_NO_DATASET: 'GET /backups/{key} lists the datasets of a backup.',
  E_ROWS_REFUSED:
    'rows.onConflict replace makes rows as in the backup, skip leaves them; rows.beside puts them into a new table.',
  E_TARGET_NOT_EMPTY: 'Give another name as rows.beside, or drop that table first.',
};

/** Does work of jobs; its errors get hints for callers of the API, and what was asked wrongly is a bad request. */
export async function withoutOptions<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof HoldfastError) || error instanceof ApiError) throw error;
    const { code, message, hint } = error;
    const own = HINTS[code];
    if (own === undefined) throw error;
    throw new ApiError(code === 'E_USAGE' ? 'E_BAD_REQUEST' : code, message, {
      cause: error,
      hint: hint !== undefined && !OF_COMMAND_LINE.test(hint) ? hint : own,
    });
  }
}
