import type { AnswerOf } from '../../api/types.ts';

export type Detail = AnswerOf<'backup'>;
