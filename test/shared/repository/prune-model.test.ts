import { describe, expect, it } from 'vitest';
import { explore } from '../../support/repository/prune-model.ts';
import type { Model, Mutation } from '../../support/repository/prune-model-state.ts';
import { isTorture, tortureTimeoutMs } from '../../support/repository/torture.ts';

/** A grace of 3 ticks: half and a quarter of it together leave one to spare, as they must. */
const SMALL: Model = {
  grace: 3,
  half: 1,
  quarter: 1,
  eighth: 0,
  horizon: 5,
  writers: 1,
  prunes: 1,
  holds: false,
  lag: 0,
};
const FINER: Model = { ...SMALL, grace: 4, half: 2, horizon: 8 };
/** With an eighth that is more than nothing. */
const FINEST: Model = { ...SMALL, grace: 8, half: 4, quarter: 2, eighth: 1, horizon: 14 };

const SHORT: readonly [string, Model][] = [['a writer and a prune', SMALL]];
const LONG: readonly [string, Model][] = [
  ['a writer and a prune, in finer steps', FINER],
  ['a writer and a prune, in the finest', FINEST],
  ['a writer, a prune and somebody who holds', { ...FINER, holds: true }],
  ['a writer and a prune whose lists lag', { ...FINEST, lag: 1 }],
  ['a writer and two prunes', { ...SMALL, grace: 5, half: 2, horizon: 6, prunes: 2 }],
  [
    'two writers, the second on the backup of the first, and a prune',
    { ...SMALL, grace: 4, half: 2, writers: 2 },
  ],
];

type Broken = readonly [Mutation, Partial<Model>];
const BROKEN: readonly Broken[] = [
  ['span', {}],
  ['last look', {}],
  ['stall before', {}],
  ['copies', {}],
  ['age', {}],
];
const BROKEN_LONG: readonly Broken[] = [
  ['order', { prunes: 2 }],
  ['others', { prunes: 2 }],
  ['deadline', { prunes: 2 }],
  ['view', { grace: 4, half: 2, prunes: 2 }],
  ['parent', { grace: 4, half: 2, writers: 2 }],
  ['held copies', { prunes: 2, holds: true }],
];

describe('the protocol of writers and prunes, every order of its steps', () => {
  it.each(isTorture ? [...SHORT, ...LONG] : SHORT)(
    'leaves no backup that counts as made without a pack: %s',
    (_, model) => {
      const { counterexample, states, hasSwept } = explore(model);
      expect(counterexample?.join('\n')).toBeUndefined();
      // A prune did remove packs while a writer was at work.
      expect([hasSwept, states > 1000]).toEqual([true, true]);
    },
    tortureTimeoutMs,
  );

  it.each(isTorture ? [...BROKEN, ...BROKEN_LONG] : BROKEN)(
    'needs each of its conditions: without that of the %s there is a way to lose a pack',
    (without, given) => {
      const { counterexample } = explore({ ...SMALL, ...given, without });
      expect(counterexample?.at(-1)).toMatch(/removes pack|lists its backup|is done|is listed/);
    },
    tortureTimeoutMs,
  );
});
