import { describe, expect, it } from 'vitest';
import { isFull, isTorture } from '../support/repository/torture.ts';
import type { NamedCheck } from './contract.ts';
import { describeChecks } from './describe-checks.ts';

const COUNT = 12;
const ran: string[] = [];

function checkOf(_: unknown, i: number): NamedCheck {
  return { name: `check ${i}`, skip: false, run: async () => void ran.push(`check ${i}`) };
}

describe('checks of a contract', () => {
  describeChecks('on a server', Array.from({ length: COUNT }, checkOf), 'a server');
  describeChecks(
    'elsewhere',
    [{ name: 'not of this kind', skip: true, run: async () => void ran.push('no') }],
    'files',
  );

  it('have their turns: one in six in the short form, one in two in the full form, all in the long form', () => {
    expect(ran).toHaveLength(isTorture ? COUNT : isFull ? COUNT / 2 : COUNT / 6);
    expect(ran).not.toContain('no');
  });
});
