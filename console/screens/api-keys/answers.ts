import type { AnswerOf } from '../../api/types.ts';

/** What `GET /api-keys` answers. */
export type Keys = AnswerOf<'apiKeys'>;

/** A key as it is listed: without its secret. */
export type Key = Keys['keys'][number];

/** A new key; its secret is in this answer and nowhere else. */
export type Made = AnswerOf<'createApiKey'>;
