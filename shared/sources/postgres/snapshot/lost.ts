import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';

/** How servers say that nobody holds a snapshot of that name open any more. */
const GONE = ['22023', '42704', '55000'];

/**
 * The error of who wanted to join a snapshot: E_SOURCE_LOST if the transaction that held it has ended, else
 * unchanged.
 */
export function snapshotLost(error: unknown): unknown {
  if (!isHoldfastError(error) || !GONE.includes(String(error.details['sqlState']))) return error;
  if (!error.message.includes('snapshot')) return error;
  return new HoldfastError(
    'E_SOURCE_LOST',
    `the snapshot of this backup no longer exists: ${error.message}`,
    {
      cause: error,
      hint: 'What held it open has ended: start a new run.',
    },
  );
}
