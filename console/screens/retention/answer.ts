import type { AnswerOf } from '../../api/types.ts';

export type RetentionAnswer = AnswerOf<'retention'>;
