import { describe } from 'vitest';
import { FAILURES } from './checks/target-failures.ts';
import { WRITES } from './checks/target-writes.ts';
import { type Check, describeChecks } from './contract.ts';
import type { KindFacts, Place } from './place.ts';
import { type Restoring, restoringOf } from './restoring.ts';

export const TARGET_CHECKS: readonly Check<Restoring>[] = [...WRITES, ...FAILURES];

/** What every target must do, judged by a hand that shares no code with it. */
export function describeTarget(facts: KindFacts, openEmpty: () => Promise<Place>): void {
  describe('restoring', () => {
    describeChecks(`Target contract: ${facts.kind}`, TARGET_CHECKS, { facts, open: restoringOf(openEmpty) });
  });
}
