import { describe, expect, vi } from 'vitest';
import { MINUTE_MS } from '../../../shared/core/units.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turns } from '../../support/repository/torture.ts';
import {
  describeCounterexample,
  makeScenario,
  perform,
  type Scenario,
  shrink,
} from '../../support/stores/interleaving.ts';

const it = turns(2);

const randomness = vi.hoisted(() => ({ next: (): number => 0 }));

// Names of packs and runs are random, and decide the order of listings: seeded, a schedule can be run again.
vi.mock('node:crypto', async (original) => ({
  ...(await original<typeof import('node:crypto')>()),
  randomBytes: (size: number) =>
    Buffer.from(Array.from({ length: size }, () => Math.floor(randomness.next() * 256))),
}));

const SCHEDULES = cases(15, 60, 10_000);
/** Orders of store calls in which a smaller scenario is tried. */
const SHRINK_ORDERS = 2;

/** The first of so many scenarios that goes wrong. */
async function firstViolation(count: number, graceMs?: number) {
  const seen = { codes: new Set<string>(), prunedPacks: 0, inShares: 0 };
  for (let i = 0; i < count; i++) {
    const scenario = makeScenario(testSeed * 1_000_003 + i, graceMs);
    randomness.next = seededRandom(i);
    const { violation, codes, prunedPacks, inShares } = await perform(scenario);
    if (violation !== undefined) return { scenario, ...seen };
    for (const code of codes) seen.codes.add(code);
    seen.prunedPacks += prunedPacks;
    seen.inShares += inShares;
  }
  return { scenario: undefined, ...seen };
}

async function explain(scenario: Scenario): Promise<string> {
  return describeCounterexample(await shrink(scenario, SHRINK_ORDERS));
}

describe('backups, prunes, holds and removals in any order', () => {
  it(
    `never leave a listed backup without a pack: ${SCHEDULES} schedules`,
    async () => {
      const { scenario, codes, prunedPacks, inShares } = await firstViolation(SCHEDULES);
      if (scenario) expect.fail(await explain(scenario));
      // Prunes did remove packs beside the backups, and some backups took longer than they may.
      expect(prunedPacks).toBeGreaterThan(SCHEDULES / 4);
      expect(inShares).toBeGreaterThan(SCHEDULES / 4);
      expect([...codes]).toContain('E_RUN_TOO_LONG');
    },
    tortureTimeoutMs,
  );

  it(
    'do so where the grace of prune is shorter than runs last, and the least example is found',
    async () => {
      const { scenario } = await firstViolation(300, MINUTE_MS);
      expect(scenario).toBeDefined();
      const least = await shrink(scenario!, SHRINK_ORDERS);
      const text = await describeCounterexample(least);
      expect(text).toMatch(/was removed, and .* needs it|was listed, and .* is gone/);
      expect(least.deeds.length).toBeLessThanOrEqual(3);
      expect(least.deeds.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['backup', 'prune']));
    },
    tortureTimeoutMs,
  );
});
