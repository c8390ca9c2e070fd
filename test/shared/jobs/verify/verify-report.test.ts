import { describe, expect, it } from 'vitest';
import { HoldfastError } from '../../../../shared/core/errors.ts';
import { DAY_MS } from '../../../../shared/core/units.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import type { VerifyDepth } from '../../../../shared/jobs/verify/verify-depth.ts';
import { keepVerifyReport } from '../../../../shared/jobs/verify/verify-report.ts';
import { notVerifiedSince } from '../../../../shared/jobs/verify/verify-since.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { RetryingStore } from '../../../../shared/store/retrying-store.ts';
import { flipped, harmed, packsOf } from '../../../support/repository/damage.ts';
import { backUp, initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import {
  backedUp,
  data,
  FULL,
  passingBy,
  SMALL_PACKS,
  verifyAll,
  verifyStore,
} from '../../../support/repository/verifying.ts';
import { FaultyStore } from '../../../support/stores/faulty-store.ts';

describe('a store that fails', { timeout: 60_000 }, () => {
  const away = new HoldfastError('E_STORE_UNAVAILABLE', 'the store answers 503 SlowDown');

  it('that throttles is asked again, and is no damage', async () => {
    const { store } = await backedUp();
    const faulty = new FaultyStore(store);
    await using repository = await openRepository(
      new RetryingStore(faulty, { firstDelayMs: 1 }),
      SMALL_PACKS,
    );
    faulty.failNext('get', away, 5);
    expect(await verifyAll(repository)).toMatchObject({ findings: [], interrupted: undefined });
  });

  it.each(['full', 'quick'] as const)(
    'from any call on is never a success, nor damage (%s)',
    async (kind) => {
      const { store } = await backedUp();
      const counting = new FaultyStore(store);
      await verifyStore(counting, { kind });
      for (let call = 2; call <= counting.calls; call++) {
        const dying = new FaultyStore(store).dieAt(call, 'before');
        await expect(verifyStore(dying, { kind }), `call ${call}`).rejects.toMatchObject({
          code: 'E_STORE_DENIED',
        });
      }
    },
  );

  it('after damage was found: the report says both, and speaks of no backup as whole', async () => {
    const { store, packs, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const { key: other } = await backUp(repository, { v: seededRows(300, 9).join('') });
    const broken = await harmed(store, { [packs.data[0]!]: () => undefined });
    const counting = new FaultyStore(broken);
    await verifyStore(counting, FULL, [key, other]);
    let both = 0;
    for (let call = 2; call <= counting.calls; call += 4) {
      const dying = new FaultyStore(broken).dieAt(call, 'before');
      const outcome = await verifyStore(dying, FULL, [key, other]).catch((error: unknown) => error);
      if (outcome instanceof HoldfastError) expect(outcome.code).toBe('E_STORE_DENIED');
      else {
        both++;
        expect(outcome).toMatchObject({
          backups: [key],
          findings: [{ object: packs.data[0] }],
          interrupted: { code: 'E_STORE_DENIED' },
        });
      }
    }
    expect(both).toBeGreaterThan(2);
  });
});

describe('the report of a verification', { timeout: 60_000 }, () => {
  it('is kept, with what was found, names only for the key', async () => {
    const { store, packs, key } = await backedUp();
    const broken = await harmed(store, { [packs.data[0]!]: (body) => flipped(body, 120) });
    await using repository = await openRepository(broken, SMALL_PACKS);
    const report = await verifyAll(repository);
    const kept = await keepVerifyReport(repository, report, never);
    const { report: stored } = await repository.reports.open(kept.report ?? '', new Date(0), never);
    const pack = packs.data[0]?.slice(-64);
    expect(stored).toMatchObject({
      backups: [key],
      body: { depth: { kind: 'full' }, damaged: [key], damagedPacks: [pack], findings: 1 },
    });
    expect(report.findings).toMatchObject([{ datasets: [expect.stringMatching(/^[tu]$/)] }]);
    expect(await repository.reports.details(stored!, never)).toEqual({ findings: report.findings });
    expect((await repository.marks(never)).of(key).verify).toMatchObject({ isWhole: false });
    expect((await repository.listing(never)).spoiltPacks).toEqual(new Set([pack]));
    // What is missing shows in every listing: no mark, so that it counts again when it is brought back.
    await broken.delete(packs.data[0]!);
    await broken.delete(`backups/_spoilt/${pack}`);
    await keepVerifyReport(repository, await verifyAll(repository), never);
    expect((await repository.listing(never)).spoiltPacks).toEqual(new Set());
  });

  it('is not kept without a key, nor where the store takes nothing; that is said and no failure', async () => {
    const { store } = await backedUp();
    await using keyless = await openRepository(store, { keys: undefined });
    const quick = await verifyAll(keyless, { kind: 'quick' });
    expect(await keepVerifyReport(keyless, quick, never)).toEqual({
      report: undefined,
      warning: expect.stringContaining('not kept: no key is configured'),
    });
    const readOnly = new HoldfastError('E_STORE_DENIED', 'read-only');
    const faulty = new FaultyStore(store).failNext('put', readOnly);
    await using repository = await openRepository(faulty, SMALL_PACKS);
    expect(await keepVerifyReport(repository, await verifyAll(repository), never)).toEqual({
      report: undefined,
      warning: 'the result is not kept: read-only',
    });
    expect(await keepVerifyReport(repository, await verifyAll(repository), never)).toMatchObject({
      report: expect.stringContaining('reports/verify/'),
      warning: undefined,
    });
  });
});

it('that is stopped after damage was found says what was found', async () => {
  const { store, packs } = await backedUp();
  const [gone = ''] = packs.data;
  const stop = new AbortController();
  const asked: string[] = [];
  const stopped = passingBy(
    await harmed(store, { [gone]: () => undefined }),
    {
      get: async () => void (asked.includes(gone) && asked.length - asked.indexOf(gone) > 4 && stop.abort()),
    },
    (_, key) => asked.push(key) > 0,
  );
  await using repository = await openRepository(stopped, SMALL_PACKS);
  const [key] = await repository.backupKeys(never);
  const report = await verifyBackups(repository, [key!], { depth: FULL, signal: stop.signal });
  expect(report).toMatchObject({ findings: [{ object: gone }], interrupted: { code: 'E_ABORTED' } });
  expect(await keepVerifyReport(repository, report, stop.signal)).toMatchObject({
    warning: 'the result is not kept: it was stopped',
  });
});

describe('--since', () => {
  it('leaves out what was found whole at that depth since then, and nothing else', async () => {
    let now = Date.parse('2026-03-01T00:00:00Z');
    const clock = { now: () => new Date(now) };
    const store = new MemoryStore(clock);
    await initRepository(store);
    await using repository = await openRepository(store, { ...SMALL_PACKS, clock });
    const { key } = await backUp(repository, data);
    const keep = async (depth: VerifyDepth) => {
      now += DAY_MS;
      await keepVerifyReport(repository, await verifyAll(repository, depth, [key]), never);
    };
    const due = async (depth: VerifyDepth, days: number) => {
      const since = new Date(now - days * DAY_MS);
      return (await notVerifiedSince(repository, [key], { since, depth, signal: never })).length > 0;
    };
    const part = (n: number): VerifyDepth => ({ kind: 'subset', part: n, of: 2 });
    expect(await due(FULL, 7)).toBe(true);
    await keep({ kind: 'quick' });
    expect([await due(FULL, 7), await due({ kind: 'quick' }, 7)]).toEqual([true, false]);
    await keep(part(1));
    expect([await due(FULL, 7), await due(part(1), 7), await due(part(2), 7)]).toEqual([true, false, true]);
    await keep(part(2));
    expect(await due(FULL, 7)).toBe(false);
    expect(await due(FULL, 0.5)).toBe(true);
    await keep(FULL);
    expect([await due(FULL, 0.5), await due({ kind: 'quick' }, 0.5)]).toEqual([false, false]);
    const { key: unseen } = await backUp(repository, data);
    expect(
      await notVerifiedSince(repository, [unseen, key], { since: new Date(0), depth: FULL, signal: never }),
    ).toEqual([unseen]);
    const [pack = ''] = (await packsOf(repository, key)).data;
    await store.delete(pack);
    await keep({ kind: 'quick' });
    expect(await due(FULL, 7)).toBe(true);
  });
});
