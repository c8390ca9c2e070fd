import { type Asked, describeChecks } from './describe-checks.ts';
import type { KindFacts, Place } from './place.ts';
import { sourceChecks } from './suites.ts';

/**
 * What every source must do. A new kind is done when this passes on it; a bug found in one becomes a check here, so
 * that the others are asked the same question.
 */
export function describeSource(facts: KindFacts, openEmpty: () => Promise<Place>, asked: Asked): void {
  describeChecks(`Source contract: ${facts.kind}`, sourceChecks(facts, openEmpty), asked);
}
