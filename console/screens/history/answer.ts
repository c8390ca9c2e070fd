import type { AnswerOf } from '../../api/types.ts';

/** A version of a row, as `GET /row-history` has it. */
export type RowVersion = AnswerOf<'rowHistory'>['versions'][number];
