import type { AnswerOf, BodyOf } from '../../api/types.ts';

/** A page of `GET /rows/{key}`. */
export type RowsPage = AnswerOf<'rows'> & { readonly nextCursor: string | null };
/** A column of rows. */
export type Column = RowsPage['columns'][number];
/** A row. */
export type Row = RowsPage['rows'][number];
/** Values of which only the beginning was sent. */
export type Cut = Row['cut'];

/** What differs of one dataset. */
export type DatasetDiff = AnswerOf<'diff'>['datasets'][number];
/** A row that differs. */
export type ChangedRow = DatasetDiff['rows'][number];

/** Rows to put back, as the API takes them. */
export type RowSelection = NonNullable<BodyOf<'restore'>['rows']>;

/** The API's name of the source as it is now. */
export const LIVE = 'live';
