import { createHash } from 'node:crypto';
import { HoldfastError } from '../../../core/errors.ts';
import type { TableInfo } from './tables.ts';

/** Names of tables that came, went or were altered in between. */
export function changedTables(before: readonly TableInfo[], after: readonly TableInfo[]): readonly string[] {
  const known = new Set(before.map(describe));
  const changed = after.filter((table) => !known.has(describe(table))).map(({ name }) => name);
  const names = new Set(after.map(({ name }) => name));
  return [...changed, ...before.filter(({ name }) => !names.has(name)).map(({ name }) => name)];
}

/** @throws E_SOURCE_CHANGED if tables came, went or were altered while the sessions began */
export function checkSame(before: readonly TableInfo[], after: readonly TableInfo[]): void {
  const changed = changedTables(before, after);
  if (changed.length > 0) throw tablesChanged(changed);
}

/** @throws E_SOURCE_CHANGED if any of the tables that were planned is not as it was */
export function checkDigest(tables: readonly TableInfo[], digest: string): void {
  if (digestOf(tables) !== digest) throw tablesChanged(tables.map(({ name }) => name));
}

/** Of all that a plan relies on, for another process to compare. */
export function digestOf(tables: readonly TableInfo[]): string {
  return createHash('sha256').update(tables.map(describe).join('\n')).digest('hex');
}

function describe({ name, created, columns, key }: TableInfo): string {
  return JSON.stringify([name, created, columns.map((column) => [column.name, column.type]), key]);
}

function tablesChanged(names: readonly string[]): HoldfastError {
  return new HoldfastError(
    'E_SOURCE_CHANGED',
    `tables were altered while the backup began: ${names.join(', ')}`,
    { hint: 'Run it again when no migration is running.' },
  );
}
