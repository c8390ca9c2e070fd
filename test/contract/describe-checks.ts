import { describe, it } from 'vitest';
import type { NamedCheck } from './contract.ts';

/** A test of ours for each check. */
export function describeChecks(title: string, checks: readonly NamedCheck[]): void {
  describe(title, () => {
    for (const { name, skip, run } of checks) it(name, { skip }, run);
  });
}
