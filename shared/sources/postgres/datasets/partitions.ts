import type { PartitionPlan } from '../../source.ts';

/** 256 MiB of pages of 8 KiB: a few minutes' work for one reader, whatever the table's size. */
export const PAGES_PER_PARTITION = 32_768;

/** Before 14 a range of ctid reads the whole table. */
export const FIRST_VERSION_WITH_RANGES = 140_000;

/** The name of the only partition of a table that is not cut. */
export const WHOLE = '0000';

/**
 * Cuts a table into fixed ranges of pages. A range keeps its name and its bounds however the table grows;
 * only the last is open to the end, so that rows beyond the counted pages are read too.
 *
 * @param totalBytes with what is stored outside of the pages; shared out evenly
 */
export function planPartitions(
  pages: number,
  totalBytes: number,
  pagesPerPartition: number,
): readonly PartitionPlan[] {
  if (pages <= pagesPerPartition) return [{ name: WHOLE, estimatedBytes: totalBytes }];
  const count = Math.ceil(pages / pagesPerPartition);
  return Array.from({ length: count }, (_, index) => {
    const share = Math.min(pagesPerPartition, pages - index * pagesPerPartition) / pages;
    return {
      name: String(index).padStart(WHOLE.length, '0'),
      estimatedBytes: Math.round(totalBytes * share),
    };
  });
}

/** The condition on `ctid` for one of the partitions, empty when it is the only one. */
export function partitionCondition(name: string, count: number, pagesPerPartition: number): string {
  const index = Number(name);
  const bounds: string[] = [];
  if (index > 0) bounds.push(`ctid >= '(${index * pagesPerPartition},0)'::pg_catalog.tid`);
  if (index < count - 1) bounds.push(`ctid < '(${(index + 1) * pagesPerPartition},0)'::pg_catalog.tid`);
  return bounds.join(' AND ');
}
