import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { preparePrune } from '../../../shared/jobs/retention/prune.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../support/repository/engine.ts';
import { keepLast, ManualClock } from '../../support/repository/pruning.ts';
import { seededRows } from '../../support/repository/rows.ts';

const data = seededRows(300, 1).join('');

/** A login that puts, and removes nothing; its machine sleeps for so long before it lists a backup. */
class Sleeper extends MemoryStore {
  days = 0;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    super(clock);
    this.#clock = clock;
  }

  override async put(...args: Parameters<MemoryStore['put']>): Promise<void> {
    if (args[0].startsWith('backups/')) this.#clock.advanceDays(this.days);
    return super.put(...args);
  }

  override async delete(...args: Parameters<MemoryStore['delete']>): Promise<void> {
    if (args[0].startsWith('backups/')) throw new HoldfastError('E_STORE_DENIED', 'no');
    return super.delete(...args);
  }
}

/** A whole backup, then one that was listed so many days after its last pack, and that its run cannot take back. */
async function thenListedAfter(days: number) {
  const clock = new ManualClock('2026-03-01T02:00:00.000Z');
  const store = new Sleeper(clock);
  await initRepository(store);
  const made: BackupKey[] = [];
  for (const [i, sleeps] of [0, days].entries()) {
    store.days = sleeps;
    await using repository = await openCheaply(store, { clock });
    await backUp(repository, { t: `${data}${i}\n` }).catch((error: unknown) =>
      expect(error).toMatchObject({ code: 'E_RUN_TOO_LONG' }),
    );
    made.splice(0, made.length, ...(await repository.backupKeys(never)));
    clock.advanceDays(1);
  }
  store.days = 0;
  const [late, whole] = made;
  return { clock, store, late, whole };
}

describe('a backup that was listed long after its last pack, and that its run could not take back', () => {
  it('is no parent: a prune may have removed what it names', async () => {
    const { clock, store, whole } = await thenListedAfter(3);
    await using repository = await openCheaply(store, { clock });
    const warnings: string[] = [];
    const { parent } = await backUp(
      repository,
      { t: `${data}next\n` },
      { onProgress: (event) => event.kind === 'warning' && warnings.push(event.message) },
    );
    expect(parent).toBe(whole);
    expect(warnings).toEqual([expect.stringContaining('listed long after its last pack')]);
  });

  it('takes no other backup’s place in retention', async () => {
    const { clock, store, late, whole } = await thenListedAfter(3);
    await using repository = await openCheaply(store, { clock });
    const rules = { policy: keepLast(1), maxShare: 1 };
    const { plan } = await preparePrune(repository, rules, { isDryRun: true, signal: never });
    expect(plan.expire).toEqual([]);
    const reasons = new Map(plan.decisions.map(({ key, reasons }) => [key, reasons]));
    expect(reasons.get(whole!)).toContain('last 1');
    expect(reasons.get(late!)).toEqual([expect.stringContaining('no newer good backup')]);
  });

  it('is a parent as any other if that was for less than a quarter of the grace', async () => {
    const { clock, store, late } = await thenListedAfter(1);
    await using repository = await openCheaply(store, { clock });
    expect((await backUp(repository, { t: `${data}next\n` })).parent).toBe(late);
  });
});
