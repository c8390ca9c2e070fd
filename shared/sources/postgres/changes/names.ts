import { createHash } from 'node:crypto';
import type { PostgresOptions } from '../connection/options.ts';

/** Names of slots are of these characters, and as long at most. */
const MOST = 63;

/** Where the event trigger's function and its key lie in a source. Neither is in backups. */
export const DDL_SCHEMA = 'holdfast_ddl';

/** Of messages that the event trigger writes into the stream. */
export const DDL_PREFIX = 'holdfast.ddl';

/**
 * Slot, publication, event trigger and its function have one name, by default that of the database: `holdfast_shop`. Slots of one
 * server share their names, whatever their database.
 */
export function changesName({ slot, database }: Pick<PostgresOptions, 'slot' | 'database'>): string {
  if (slot !== undefined) return slot;
  const name = `holdfast_${database}`;
  if (/^[a-z0-9_]+$/.test(name) && name.length <= MOST) return name;
  const plain = name.toLowerCase().replaceAll(/[^a-z0-9_]+/g, '_');
  const hash = createHash('sha256').update(database).digest('hex').slice(0, 8);
  return `${plain.slice(0, MOST - 9)}_${hash}`;
}
