import { describe } from 'vitest';
import { turns } from '../support/repository/torture.ts';
import type { NamedCheck } from './contract.ts';

/** In `npm test` one check in so many has its turn; in CI one in two, and all in the long form. */
const SHARE = 6;

/** A test of ours for each check. */
export function describeChecks(title: string, checks: readonly NamedCheck[]): void {
  const it = turns(SHARE, 2);
  describe(title, () => {
    for (const { name, skip, run } of checks) it(name, { skip }, run);
  });
}
