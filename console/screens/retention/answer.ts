import type { AnswerOf } from '../../api/types.ts';

/** What `GET /retention` answers. */
export type RetentionAnswer = AnswerOf<'retention'>;
