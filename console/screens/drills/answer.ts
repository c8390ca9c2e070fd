import type { AnswerOf } from '../../api/types.ts';

/** What `GET /drills/{report}` answers. */
export type Evidence = AnswerOf<'drillEvidence'>;
