import { type Asked, describeChecks } from './describe-checks.ts';
import type { KindFacts, Place } from './place.ts';
import { scratchServerChecks } from './suites.ts';

/** What every server for drills must do, judged by a hand that shares no code with it. */
export function describeScratchServer(facts: KindFacts, openEmpty: () => Promise<Place>, asked: Asked): void {
  describeChecks(`ScratchServer contract: ${facts.kind}`, scratchServerChecks(facts, openEmpty), asked);
}
