import { describe } from 'vitest';
import { SCRATCH_CHECKS } from './checks/scratch-checks.ts';
import { describeChecks } from './contract.ts';
import type { KindFacts, Place } from './place.ts';
import { restoringOf } from './restoring.ts';

/** What every server for drills must do, judged by a hand that shares no code with it. */
export function describeScratchServer(facts: KindFacts, openEmpty: () => Promise<Place>): void {
  describe('drilling', () => {
    const title = `ScratchServer contract: ${facts.kind}`;
    describeChecks(title, SCRATCH_CHECKS, { facts, open: restoringOf(openEmpty) });
  });
}
