import { parseBackupKey } from '../../core/ids.ts';
import type { Position } from '../../jobs/status/newest-first.ts';
import { ApiError } from '../server/api-error.ts';

const REPORT_KEY = /^reports\/[a-z]+\/\d{8}\/[a-z]+_\d{8}_\d{6}_[0-9a-f]{8}\.json$/;

/** Where to look for entries, and up to where. */
export function encodeCursor({ stamp, key }: Position): string {
  return Buffer.from(`${stamp} ${key}`).toString('base64url');
}

/** @throws E_BAD_REQUEST */
export function decodeCursor(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [stamp = '', key = ''] = Buffer.from(cursor, 'base64url').toString().split(' ', 2);
  if (/^\d{14}$/.test(stamp) && (parseBackupKey(key) || REPORT_KEY.test(key))) return { stamp, key };
  throw new ApiError('E_BAD_REQUEST', 'the cursor is not from an earlier response', {
    fields: [{ field: 'cursor', problem: 'is not a nextCursor of an earlier response' }],
    hint: 'Start again without a cursor.',
  });
}
