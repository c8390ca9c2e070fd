import { beforeAll, describe, expect, it } from 'vitest';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../../shared/jobs/backup/commit-backup.ts';
import { keepSnapshotOpen } from '../../../../shared/jobs/backup/keep-snapshot-open.ts';
import type { BackupPlan } from '../../../../shared/jobs/backup/plan-backup.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import {
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import {
  backUpInShares,
  commit,
  joined,
  newRun,
  type PartData,
  plan,
  readShares,
  sharedSource,
} from '../../../support/repository/shares.ts';
import { strides } from '../../../support/repository/torture.ts';
import { copyStore } from '../../../support/stores/copy-store.ts';
import { survives } from '../../../support/stores/dying.ts';

const rows = Array.from({ length: 3 }, (_, i) => seededRows(250, i + 1));
const schema = { 'pre-data': ['create table t ();\n'] };
const before: PartData = { ...schema, t: rows.map((part) => part.join('')) };
const after: PartData = {
  ...schema,
  t: rows.map((part) => part.map((row, i) => (i % 40 === 0 ? row.replace('\t', '\tnew ') : row)).join('')),
};
const source = sharedSource(after);
const PLAN = { shareBytes: 12_000 };

/** A repository with one backup, and a run of the next one up to a stage. */
interface Begun {
  readonly store: MemoryStore;
  readonly planned: BackupPlan;
}

async function begin(shares: 'no share' | 'some shares' | 'all shares'): Promise<Begun> {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openCheaply(store);
  await backUpInShares(repository, sharedSource(before), PLAN);
  // Stays open for all that follows: what dies below is another process.
  const planned = await plan(repository, source, PLAN);
  expect(planned.shares.length).toBeGreaterThan(2);
  const read = { 'no share': [], 'some shares': planned.shares.slice(1), 'all shares': planned.shares }[
    shares
  ];
  await readShares(repository, source, { run: planned.run, shares: read });
  return { store, planned };
}

async function expectWhole(repository: Repository, count: number, call: number): Promise<void> {
  const keys = await repository.backupKeys(never);
  expect(keys, `call ${call}`).toHaveLength(count);
  expect(await digests(repository, keys[0]!)).toEqual(digestsOf(joined(count === 1 ? before : after)));
  const { findings } = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
  expect(findings, `call ${call}`).toEqual([]);
}

describe.each(['before', 'after'] as const)('whose process dies %s any store call', (moment) => {
  let ready: Record<'no share' | 'some shares' | 'all shares', Begun>;
  beforeAll(async () => {
    ready = {
      'no share': await begin('no share'),
      'some shares': await begin('some shares'),
      'all shares': await begin('all shares'),
    };
  });

  it('a plan lists nothing, and a new run is clean', async () => {
    const { store: start } = ready['no share'];
    let call = 0;
    for (call of strides(14)) {
      const store = await copyStore(start);
      const run = newRun();
      const job = async (repository: Repository) => {
        await using _ = await plan(repository, source, { ...PLAN, run });
      };
      const survived = await survives(store, { call, moment }, job);
      await using repository = await openCheaply(store);
      await expectWhole(repository, 1, call);
      await backUpInShares(repository, source, PLAN);
      await expectWhole(repository, 2, call);
      if (survived) break;
    }
    expect(call).toBeGreaterThan(5);
  });

  it('a share lists nothing, and is read again', async () => {
    const { store: start, planned } = ready['some shares'];
    let call = 0;
    for (call of strides(14)) {
      const store = await copyStore(start);
      const job = (repository: Repository) =>
        backupShare(repository, source, { run: planned.run, share: 0, signal: never });
      const survived = await survives(store, { call, moment }, job);
      await using repository = await openCheaply(store);
      await expectWhole(repository, 1, call);
      await job(repository);
      await commit(repository, planned);
      await expectWhole(repository, 2, call);
      if (survived) break;
    }
    expect(call).toBeGreaterThan(5);
  });

  it('a commit lists one whole backup or none, and one when it is made again', async () => {
    const { store: start, planned } = ready['all shares'];
    let call = 0;
    for (call of strides(14)) {
      const store = await copyStore(start);
      await using repository = await openCheaply(store);
      const stop = new AbortController();
      const until = new Date(repository.clock.now().getTime() + 60_000);
      const holding = keepSnapshotOpen(repository, planned, { until, pollMs: 2, signal: stop.signal }).catch(
        () => {},
      );
      const job = (using: Repository) => commitBackup(using, { run: planned.run, signal: never });
      const survived = await survives(store, { call, moment }, job);
      const listed = (await repository.backupKeys(never)).length;
      await expectWhole(repository, listed, call);
      const { key } = await job(repository);
      await holding;
      expect((await repository.backupKeys(never))[0]).toBe(key);
      await expectWhole(repository, 2, call);
      if (survived) break;
    }
    expect(call).toBeGreaterThan(10);
  });

  it('a holder leaves a run that is not listed without its word, or one that is', async () => {
    const { store: start, planned } = ready['all shares'];
    let call = 0;
    for (call of strides(5)) {
      const store = await copyStore(start);
      await using repository = await openCheaply(store);
      const options = { run: planned.run, holderMs: 100, signal: never };
      const committing = commitBackup(repository, options).then(
        () => 2,
        (error: { readonly code?: string }) => {
          expect(error.code, `call ${call}`).toMatch(/^E_SOURCE_LOST|E_STORE_DENIED$/);
          return 1;
        },
      );
      const until = new Date(repository.clock.now().getTime() + 60_000);
      const job = (using: Repository) =>
        keepSnapshotOpen(using, planned, { until, pollMs: 2, signal: never });
      const survived = await survives(store, { call, moment }, job);
      await expectWhole(repository, await committing, call);
      if (survived) break;
    }
    expect(call).toBeGreaterThan(3);
  });
});
