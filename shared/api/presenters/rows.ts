import type { BackupKey } from '../../core/ids.ts';
import { type PageColumn, type RowsPageOptions, readRowsPage } from '../../jobs/inside/rows-page.ts';
import type { ShownFields } from '../../jobs/inside/shown-fields.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ApiColumn, RowsAnswer, RowsQuery } from '../schema/inside.ts';
import { decodePosition, encodePosition } from '../server/position-cursor.ts';
import { textList } from '../server/text-list.ts';
import { withoutOptions } from './without-options.ts';

/** A page of rows of a backup. @throws E_BAD_REQUEST, and as `readRowsPage` */
export async function rowsPage(
  repository: Repository,
  key: BackupKey,
  query: RowsQuery,
  { maskOf, signal }: Pick<RowsPageOptions, 'maskOf' | 'signal'>,
): Promise<RowsAnswer> {
  const [partition, records] = decodePosition(query.after, 2) ?? [];
  const options = {
    dataset: query.dataset,
    where: textList('where', query.where),
    columns: textList('columns', query.columns),
    limit: query.limit,
    from: partition === undefined || records === undefined ? undefined : { partition, records },
    maskOf,
    signal,
  };
  return withoutOptions(async () => {
    const reader = await repository.openBackup(key, signal);
    const { dataset, columns, rows, searched, next } = await readRowsPage(reader, options);
    return {
      key,
      dataset,
      columns: columns.map(apiColumn),
      rows: rows.map(({ values, cut }) => ({ values: [...values], ...cutOf(cut) })),
      searched,
      ...(next ? { after: encodePosition(next.partition, next.records) } : {}),
      isMasked: maskOf !== undefined,
    };
  });
}

/** A column as routes answer it. */
export function apiColumn({ name, type, isKey, isNumber }: PageColumn): ApiColumn {
  return { name, type, isKey, isNumber };
}

/** The member `cut` of a row; none if all is there. */
export function cutOf(cut: ShownFields['cut']): { cut?: { column: number; characters: number }[] } {
  return cut.length > 0 ? { cut: cut.map((one) => ({ ...one })) } : {};
}
