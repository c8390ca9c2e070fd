import { describe, expect, vi } from 'vitest';
import { seededRandom } from '../../../support/repository/rows.ts';
import { cases, testSeed, tortureTimeoutMs, turns } from '../../../support/repository/torture.ts';
import { performCopies } from '../../../support/stores/copy-world.ts';

const it = turns(2);

const randomness = vi.hoisted(() => ({ next: (): number => 0 }));

// Names of packs and runs are random, and decide the order of listings: seeded, a schedule can be run again.
vi.mock('node:crypto', async (original) => ({
  ...(await original<typeof import('node:crypto')>()),
  randomBytes: (size: number) =>
    Buffer.from(Array.from({ length: size }, () => Math.floor(randomness.next() * 256))),
}));

const SCHEDULES = cases(15, 60, 10_000);

async function firstViolation(count: number, protect = true) {
  const seen = { copied: 0, waiting: 0, removedThere: 0 };
  for (let i = 0; i < count; i++) {
    const seed = testSeed * 1_000_003 + i;
    randomness.next = seededRandom(i);
    const { violation, trace, copied, waiting, removedThere } = await performCopies(seed, { protect });
    if (violation !== undefined)
      return { violation: [violation, `seed ${seed}`, ...trace].join('\n'), ...seen };
    seen.copied += copied;
    seen.waiting += waiting;
    seen.removedThere += removedThere;
  }
  return { violation: undefined, ...seen };
}

describe('copies, killed or slow, beside prunes of both places', () => {
  it(
    `never list a backup without a pack, and bring all in the end: ${SCHEDULES} schedules`,
    async () => {
      const { violation, copied, waiting, removedThere } = await firstViolation(SCHEDULES);
      if (violation !== undefined) expect.fail(violation);
      // Prunes did remove packs there, and some backups had to wait until their packs were safe.
      expect(copied).toBeGreaterThan(SCHEDULES);
      expect(removedThere).toBeGreaterThan(SCHEDULES / 4);
      expect(waiting).toBeGreaterThan(0);
    },
    tortureTimeoutMs,
  );

  it(
    'do so where they take no notice of prunes',
    async () => {
      const { violation } = await firstViolation(300, false);
      expect(violation).toMatch(/was removed, and .* needs it|was listed, and .* is gone/);
    },
    tortureTimeoutMs,
  );
});
