import { SECOND_MS } from '../../core/units.ts';
import type { MomentPlan } from '../../jobs/changes/moment-plan.ts';
import type { ApiMomentPlan } from '../schema/runs.ts';

/** A plan as the route answers it. */
export function momentJson(moment: MomentPlan): ApiMomentPlan {
  const {
    at,
    beforeTransaction,
    baseAt,
    segments,
    transactions,
    plainBytes,
    replayMs,
    drilledAt,
    notCarried,
  } = moment;
  return {
    at: at ?? null,
    beforeTransaction: beforeTransaction ?? null,
    baseAt,
    segments,
    transactions,
    plainBytes,
    replaySeconds: Math.ceil(replayMs / SECOND_MS),
    replayBy: drilledAt === undefined ? 'benchmark' : 'drill',
    notCarried: [...notCarried],
  };
}
