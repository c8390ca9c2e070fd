import type pg from 'pg';
import { isHoldfastError } from '../../../../core/errors.ts';
import { query } from '../../connection/connection.ts';

/**
 * Empties tables, in the open transaction. One that others refer to, which are not in the stream, cannot be truncated.
 *
 * @param places quoted @throws E_SOURCE_*, E_ABORTED
 */
export async function truncate(
  client: pg.Client,
  places: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (places.length === 0) return;
  await query(client, 'SAVEPOINT truncating', signal);
  try {
    await query(client, `TRUNCATE ${places.map((place) => `ONLY ${place}`).join(', ')}`, signal);
  } catch (error) {
    if (!isHoldfastError(error) || error.details['sqlState'] !== '0A000') throw error;
    await query(client, 'ROLLBACK TO SAVEPOINT truncating', signal);
    for (const place of places) await query(client, `DELETE FROM ONLY ${place}`, signal);
  }
  await query(client, 'RELEASE SAVEPOINT truncating', signal);
}
