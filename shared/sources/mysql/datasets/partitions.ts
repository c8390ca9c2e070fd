import type { PartitionPlan } from '../../source.ts';
import type { Session } from '../connection/connection.ts';
import { quoteName } from '../text/identifiers.ts';
import type { TableAttributes } from './attributes.ts';
import { isTransactional, type TableInfo } from './tables.ts';

export const WHOLE = '0000';

const WHOLE_NUMBERS = /^(tinyint|smallint|mediumint|int|integer|bigint)$/;
/** More would make the list long and gain nothing. */
const MOST_PARTITIONS = 9000;

/** Whether ranges of its key are of use: rows beyond the snapshot may change, or no whole number leads the key. */
export function isDivisible(table: TableInfo): boolean {
  const first = table.columns.find(({ name }) => name === table.key[0]);
  return (
    isTransactional(table) && !table.isVersioned && first !== undefined && WHOLE_NUMBERS.test(first.dataType)
  );
}

/**
 * Bounds between ranges of the key that have about `partitionBytes` each. Those of the last backup stay, and only what
 * lies behind them is divided, so that partitions line up from run to run.
 */
export async function chooseBounds(
  session: Session,
  table: TableInfo,
  { before, partitionBytes }: { readonly before: readonly string[]; readonly partitionBytes: number },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const count = Math.min(Math.ceil(table.bytes / partitionBytes), MOST_PARTITIONS);
  if (!isDivisible(table) || count <= 1) return isDivisible(table) ? before : [];
  const column = quoteName(table.key[0] ?? '');
  const [row] = await session.query<{ least: string | null; most: string | null }>(
    `SELECT MIN(${column}) AS least, MAX(${column}) AS most FROM ${quoteName(table.name)}`,
    signal,
    { object: table.name },
  );
  if (!row || row.least === null || row.most === null) return before;
  return extendBounds(before, { least: BigInt(row.least), most: BigInt(row.most), count });
}

/** Adds bounds behind the last, as wide apart as the keys from `least` to `most` in `count` parts. */
export function extendBounds(
  before: readonly string[],
  { least, most, count }: { readonly least: bigint; readonly most: bigint; readonly count: number },
): readonly string[] {
  const span = most - least + 1n;
  const width = span / BigInt(count) + (span % BigInt(count) === 0n ? 0n : 1n);
  const bounds = [...before];
  const last = before.at(-1);
  let next = last === undefined ? least + width : BigInt(last) + width;
  // The last range is open: it is divided only once it is twice as wide as the others.
  const end = last === undefined ? most : most - width;
  for (; next <= end && bounds.length < MOST_PARTITIONS; next += width) bounds.push(String(next));
  return bounds;
}

export function planPartitions(bounds: readonly string[], bytes: number): readonly PartitionPlan[] {
  const count = bounds.length + 1;
  return Array.from({ length: count }, (_, index) => ({
    name: String(index).padStart(WHOLE.length, '0'),
    estimatedBytes: Math.round(bytes / count),
  }));
}

/** The condition for one of the partitions, empty if it is the only one. */
export function partitionCondition(
  name: string,
  { bounds, order }: Pick<TableAttributes, 'bounds' | 'order'>,
): string {
  const index = Number(name);
  const column = quoteName(order[0] ?? '');
  const [from, to] = [bounds[index - 1], bounds[index]];
  return [
    ...(from === undefined ? [] : [`${column} >= ${from}`]),
    ...(to === undefined ? [] : [`${column} < ${to}`]),
  ].join(' AND ');
}
