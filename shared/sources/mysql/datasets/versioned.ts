import { HoldfastError } from '../../../core/errors.ts';
import type { ColumnAttributes } from './attributes.ts';
import type { TableInfo } from './tables.ts';

/** Of tables with system versions whose definition names none. */
const IMPLICIT: readonly ColumnAttributes[] = ['row_start', 'row_end'].map((name) => ({
  name,
  type: 'timestamp(6)',
  class: 'time',
  charset: null,
}));

/**
 * Columns whose values are in a backup: of a table with system versions, those that say from when to when a row was
 * there too.
 *
 * @throws E_SOURCE_UNSUPPORTED for versions that count transactions, whose numbers no other server knows
 */
export function valueColumns({
  name,
  isVersioned,
  columns,
  periodColumns,
}: TableInfo): readonly ColumnAttributes[] {
  const own = columns.map(({ dataType: _, ...column }) => column);
  if (!isVersioned) return own;
  const period = own.filter((column) => periodColumns.includes(column.name));
  if (period.some(({ type }) => /^bigint/i.test(type)))
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `${name} has system versions by transaction numbers, which no other server can hold`,
      { hint: 'Give it versions by TIMESTAMP(6) columns.' },
    );
  return period.length > 0 ? own : [...own, ...IMPLICIT];
}
