import { describe } from 'vitest';
import { turns } from '../support/repository/torture.ts';
import type { NamedCheck } from './contract.ts';

/** What the checks ask, which says how long they take. */
export type Asked = 'its own process' | 'files' | 'a server';

/** In `npm test` one check in so many has its turn. */
const SHARES: Readonly<Record<Asked, number>> = { 'its own process': 1, files: 2, 'a server': 6 };
/** The same in the full form; all in the long form. */
const SHARES_IN_FULL: Readonly<Record<Asked, number>> = { 'its own process': 1, files: 1, 'a server': 2 };

/** A test of ours for each check. */
export function describeChecks(title: string, checks: readonly NamedCheck[], asked: Asked): void {
  const it = turns(SHARES[asked], SHARES_IN_FULL[asked]);
  describe(title, () => {
    for (const { name, skip, run } of checks) it.skipIf(skip)(name, run);
  });
}
