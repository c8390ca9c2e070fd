import { type Asked, describeChecks } from './describe-checks.ts';
import type { KindFacts, Place } from './place.ts';
import { targetChecks } from './suites.ts';

/** What every target must do, judged by a hand that shares no code with it. */
export function describeTarget(facts: KindFacts, openEmpty: () => Promise<Place>, asked: Asked): void {
  describeChecks(`Target contract: ${facts.kind}`, targetChecks(facts, openEmpty), asked);
}
