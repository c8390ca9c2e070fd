import { CHANGES } from './checks/source-changes.ts';
import { COMPLETE } from './checks/source-complete.ts';
import { FAILURES } from './checks/source-failures.ts';
import { type Check, describeChecks } from './contract.ts';
import type { KindFacts, Place } from './place.ts';

export const SOURCE_CHECKS: readonly Check<Place>[] = [...COMPLETE, ...CHANGES, ...FAILURES];

/**
 * What every source must do. A new kind is done when this passes on it; a bug found in one becomes a check here, so
 * that the others are asked the same question.
 */
export function describeSource(facts: KindFacts, openEmpty: () => Promise<Place>): void {
  describeChecks(`Source contract: ${facts.kind}`, SOURCE_CHECKS, { facts, open: openEmpty });
}
