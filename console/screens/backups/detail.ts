import type { AnswerOf } from '../../api/types.ts';

/** What `GET /backups/{key}` answers. */
export type Detail = AnswerOf<'backup'>;
