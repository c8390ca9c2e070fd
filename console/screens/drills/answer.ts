import type { AnswerOf } from '../../api/types.ts';

export type Evidence = AnswerOf<'drillEvidence'>;
