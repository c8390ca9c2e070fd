import { describe, expect } from 'vitest';
import type { RetentionPolicy } from '../../../../shared/config/retention.ts';
import type { BackupKey, PackId } from '../../../../shared/core/ids.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { packKey } from '../../../../shared/format/pack.ts';
import { chooseBackup } from '../../../../shared/jobs/restore/choose-backup.ts';
import { preparePrune } from '../../../../shared/jobs/retention/prune.ts';
import { readStatus } from '../../../../shared/jobs/status/status.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { backUp, initRepository, never, openCheaply } from '../../../support/repository/engine.ts';
import { listAgain } from '../../../support/repository/forged-manifest.ts';
import { ManualClock } from '../../../support/repository/pruning.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { turns } from '../../../support/repository/torture.ts';

const it = turns(2);

const FAR = '2099-01-01T00:00:00.000Z';
const policy: RetentionPolicy = { days: { daily: 0 }, counts: { monthly: 12 } };

/** One backup on the second of each month of 2026, and the moment after the last. */
async function yearOfBackups() {
  const clock = new ManualClock('2026-01-02T02:00:00.000Z');
  const store = new MemoryStore(clock);
  await initRepository(store);
  const data = seededRows(60, 1).join('');
  const honest: BackupKey[] = [];
  for (let month = 0; month < 12; month++) {
    clock.set(new Date(Date.UTC(2026, month, 2, 2)));
    await using repository = await openCheaply(store, { clock });
    honest.push((await backUp(repository, { t: `${data}month ${month}\n` }, { type: 'daily' })).key);
  }
  return { clock, store, data, honest };
}

async function planOf(store: MemoryStore, clock: ManualClock, maxShare = 1) {
  await using repository = await openCheaply(store, { clock });
  const { plan } = await preparePrune(repository, { policy, maxShare }, { isDryRun: true, signal: never });
  return plan;
}

describe('a backup that is dated long after it was stored', () => {
  it('is no parent, and dates no other', async () => {
    const { clock, store, data, honest } = await yearOfBackups();
    await listAgain(store, honest.at(-1)!, { type: 'daily', at: FAR });
    clock.advance(DAY_MS);
    await using repository = await openCheaply(store, { clock });
    const warnings: string[] = [];
    const next = await backUp(
      repository,
      { t: `${data}next\n` },
      { onProgress: (event) => event.kind === 'warning' && warnings.push(event.message) },
    );
    expect(next.parent).toBe(honest.at(-1));
    expect(next.startedAt.toISOString()).toBe('2026-12-03T02:00:00.000Z');
    expect(warnings).toEqual([expect.stringMatching(/20990101_000000.*long before it says that it began/)]);
  });

  it.each([
    ['signed', true],
    ['not signed', false],
  ])('is neither good nor the newest, %s', async (_, mac) => {
    const { clock, store, honest } = await yearOfBackups();
    const forged = await listAgain(store, honest[0]!, { type: 'daily', at: FAR, mac });
    // As the watchdog and the list do: without a key.
    await using repository = await openCheaply(store, { clock, keys: undefined });
    const { sources } = await readStatus(repository, never);
    expect(sources).toMatchObject([{ newestGood: { key: honest.at(-1) }, misdated: [forged] }]);
    for (const word of ['latest', 'good'])
      expect(await chooseBackup(repository, word, { signal: never })).toBe(honest.at(-1));
  });

  it('stays, and fulfils no count', async () => {
    const { clock, store, honest } = await yearOfBackups();
    const forged = await listAgain(store, honest[0]!, { type: 'daily', at: FAR });
    clock.advanceDays(1);
    const { expire, decisions } = await planOf(store, clock);
    expect(expire).toEqual([]);
    expect(decisions.find(({ key }) => key === forged)?.reasons).toContain('dated in the future');
  });
});

describe('a backup that was stored long after its date', () => {
  it('displaces none that was stored when it says', async () => {
    const { clock, store, honest } = await yearOfBackups();
    for (let month = 1; month <= 12; month++) {
      const last = new Date(Date.UTC(2026, month, 1) - 1000).toISOString();
      // Of the last week it could have been made when it says.
      if (month < 11) await listAgain(store, honest.at(-1)!, { type: 'daily', at: last });
    }
    clock.advanceDays(1);
    const { expire } = await planOf(store, clock);
    expect(expire.filter((key) => honest.includes(key))).toEqual([]);
  });

  it('does not make the share that a prune removes look small', async () => {
    const { clock, store, honest } = await yearOfBackups();
    for (let hour = 0; hour < 24; hour++)
      await listAgain(store, honest[0]!, {
        type: 'manual',
        at: `2025-11-01T${String(hour).padStart(2, '0')}:00:00.000Z`,
      });
    await store.put(packKey('f'.repeat(64) as PackId), Buffer.alloc(1_000_000));
    await using repository = await openCheaply(store, { clock });
    const rules = { policy: { days: { daily: 60, manual: 3650 }, counts: {} }, maxShare: 0.4 };
    const { plan } = await preparePrune(repository, rules, { isDryRun: true, signal: never });
    expect(plan.expire.length / plan.decisions.length).toBeLessThan(0.4);
    expect(plan.refusal).toMatchObject({
      code: 'E_PRUNE_TOO_MUCH',
      message: expect.stringMatching(/of 12 backups/),
    });
  });

  it('is kept by the counts where all are, as in a copy of a repository', async () => {
    const { store, honest } = await yearOfBackups();
    const clock = new ManualClock('2027-01-20T00:00:00.000Z');
    const copy = new MemoryStore(clock);
    for await (const { key } of store.list('')) await copy.put(key, await store.get(key));
    const { expire, decisions } = await planOf(copy, clock);
    expect(expire).toEqual([]);
    expect(decisions.map(({ reasons }) => reasons[0])).toContain('monthly for 2026-03');
    // In a thirteenth month the first one goes, as ever.
    await using repository = await openCheaply(copy, { clock });
    await backUp(repository, { t: 'a thirteenth month\n' }, { type: 'daily', allowEmpty: true });
    expect((await planOf(copy, clock)).expire).toEqual([honest[0]]);
  });
});
