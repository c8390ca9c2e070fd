import type { AnswerOf } from '../../api/types.ts';

export type Keys = AnswerOf<'apiKeys'>;

export type Key = Keys['keys'][number];

export type Made = AnswerOf<'createApiKey'>;
