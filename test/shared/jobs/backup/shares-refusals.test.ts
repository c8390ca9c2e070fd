import { describe, expect } from 'vitest';
import { HOUR_MS } from '../../../../shared/core/units.ts';
import { abortBackup } from '../../../../shared/jobs/backup/abort-backup.ts';
import { backupShare } from '../../../../shared/jobs/backup/backup-share.ts';
import { commitBackup } from '../../../../shared/jobs/backup/commit-backup.ts';
import { keepSnapshotOpen } from '../../../../shared/jobs/backup/keep-snapshot-open.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { memorySource, never, openCheaply } from '../../../support/repository/engine.ts';
import { commit, newRun, plan, readShares, sharedSource } from '../../../support/repository/shares.ts';
import { first, newRepository } from '../../../support/repository/shares-repository.ts';
import { turns } from '../../../support/repository/torture.ts';
import { copyStore } from '../../../support/stores/copy-store.ts';

const it = turns(3);

describe('nothing is listed', () => {
  async function ready() {
    const store = new MemoryStore();
    const repository = await newRepository(store);
    const source = sharedSource(first);
    const planned = await plan(repository, source);
    await readShares(repository, source, planned);
    return { store, repository, source, planned, run: planned.run };
  }
  const hold = (
    repository: Awaited<ReturnType<typeof newRepository>>,
    planned: Awaited<ReturnType<typeof plan>>,
  ) =>
    keepSnapshotOpen(repository, planned, {
      until: new Date(repository.clock.now().getTime() + HOUR_MS),
      pollMs: 5,
      signal: never,
    });

  it('where a share is missing, and is when that was read', async () => {
    await using repository = await newRepository();
    const source = sharedSource(first);
    await using planned = await plan(repository, source);
    const { run, shares } = planned;
    expect(shares.length).toBeGreaterThan(3);
    await readShares(repository, source, {
      run,
      shares: shares.filter(({ share }) => share !== 1 && share !== 2),
    });
    await expect(commit(repository, planned)).rejects.toMatchObject({
      code: 'E_RUN_INCOMPLETE',
      message: expect.stringContaining(': 1, 2'),
    });
    expect(await repository.backupKeys(never)).toEqual([]);
    await readShares(repository, source, planned);
    expect((await commit(repository, planned)).records).toBeGreaterThan(0);
  });

  it('where nobody says that the snapshot stood', async () => {
    const { repository, run } = await ready();
    await expect(commitBackup(repository, { run, holderMs: 20, signal: never })).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
    });
    expect(await repository.backupKeys(never)).toEqual([]);
  });

  it('where the view broke while it was held, which commit learns without waiting', async () => {
    const { repository, planned, run } = await ready();
    const holding = hold(repository, planned);
    await planned[Symbol.asyncDispose]();
    await expect(holding).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
    await expect(commitBackup(repository, { run, holderMs: 1e9, signal: never })).rejects.toMatchObject({
      code: 'E_SOURCE_LOST',
      message: expect.stringContaining('the view is closed'),
    });
    expect(await repository.backupKeys(never)).toEqual([]);
  });

  it('where the holder reached its limit before a share was read: the share says so, and what helps', async () => {
    await using repository = await newRepository();
    const source = sharedSource(first);
    const planned = await plan(repository, source);
    const { run } = planned;
    const until = repository.clock.now();
    await keepSnapshotOpen(repository, planned, { until, pollMs: 5, signal: never }).catch(() => {});
    await planned[Symbol.asyncDispose]();
    await expect(backupShare(repository, source, { run, share: 0, signal: never })).rejects.toMatchObject({
      code: 'E_SNAPSHOT_EXPIRED',
      message: expect.stringMatching(
        /^the snapshot of run \w+ was not kept open to the end: .* was kept open until/,
      ),
      hint: expect.stringContaining('Fargate'),
    });
  });

  it('where the holder reached its limit, or was stopped', async () => {
    const limited = await ready();
    const until = limited.repository.clock.now();
    const options = { until, pollMs: 5, signal: never };
    const expired = { code: 'E_SNAPSHOT_EXPIRED', hint: expect.stringContaining('Fargate') };
    await expect(keepSnapshotOpen(limited.repository, limited.planned, options)).rejects.toMatchObject(
      expired,
    );
    await expect(commitBackup(limited.repository, { run: limited.run, signal: never })).rejects.toMatchObject(
      expired,
    );

    const stopped = await ready();
    const stop = new AbortController();
    const holding = keepSnapshotOpen(stopped.repository, stopped.planned, {
      until: new Date(until.getTime() + HOUR_MS),
      signal: stop.signal,
    });
    stop.abort();
    await expect(holding).rejects.toMatchObject({ code: 'E_ABORTED' });
    await expect(commitBackup(stopped.repository, { run: stopped.run, signal: never })).rejects.toMatchObject(
      {
        code: 'E_SOURCE_LOST',
      },
    );
    expect(await stopped.repository.backupKeys(never)).toEqual([]);
  });

  it('of a run that was given up, and its holder is let go', async () => {
    const { repository, source, planned, run } = await ready();
    const holding = hold(repository, planned);
    const abort = () => abortBackup(repository, { run, reason: 'a share failed', signal: never });
    expect(await abort()).toBe(true);
    expect(await holding).toBe('abort');
    expect(await abort()).toBe(true);
    const refused = { code: 'E_RUN_ABORTED', message: expect.stringContaining('a share failed') };
    await expect(commitBackup(repository, { run, signal: never })).rejects.toMatchObject(refused);
    await using next = await plan(repository, source);
    await abortBackup(repository, { run: next.run, reason: 'x', signal: never });
    await expect(readShares(repository, source, next)).rejects.toMatchObject({ code: 'E_RUN_ABORTED' });
    const early = newRun();
    await abortBackup(repository, { run: early, reason: 'too early', signal: never });
    await expect(plan(repository, source, { run: early })).rejects.toMatchObject({ code: 'E_RUN_ABORTED' });
    expect(await repository.backupKeys(never)).toEqual([]);
  });

  it('of a run without a held view that was given up; a backup that is listed stays', async () => {
    await using repository = await newRepository();
    const source = memorySource({ t: 'one\n' });
    await using planned = await plan(repository, source);
    await readShares(repository, source, planned);
    await abortBackup(repository, { run: planned.run, reason: 'x', signal: never });
    await expect(commit(repository, planned)).rejects.toMatchObject({ code: 'E_RUN_ABORTED' });
    const shared = sharedSource(first);
    await using listed = await plan(repository, shared);
    await readShares(repository, shared, listed);
    const { key } = await commit(repository, listed);
    expect(await abortBackup(repository, { run: listed.run, reason: 'late', signal: never })).toBe(false);
    expect((await commitBackup(repository, { run: listed.run, signal: never })).key).toBe(key);
  });

  it('where a document of the run is damaged, of another repository or of another place', async () => {
    const { store, run, planned } = await ready();
    const share = (n: number) => `runs/${run}/share-${n}`;
    const bodies = new Map<string, Uint8Array>();
    for (const key of [share(0), share(1), `runs/${run}/plan`]) bodies.set(key, await store.get(key));
    const foreign = new MemoryStore();
    await using abroad = await newRepository(foreign);
    await using theirs = await plan(abroad, sharedSource(first), { run });
    const planThere = await foreign.get(`runs/${theirs.run}/plan`);
    const flipped = Buffer.from(
      String(Buffer.from(bodies.get(share(0))!)).replace(/"sealed":"..../, '"sealed":"AAAA'),
    );
    for (const [key, body, code] of [
      [share(0), flipped, 'E_DAMAGED'],
      [share(0), bodies.get(share(1))!, 'E_DAMAGED'],
      [share(0), Buffer.from('{}'), 'E_FOREIGN_REPOSITORY'],
      [share(0), Buffer.from('not json'), 'E_DAMAGED'],
      [`runs/${run}/plan`, planThere, 'E_DAMAGED'],
      [`runs/${run}/plan`, bodies.get(`runs/${run}/plan`)!.subarray(0, 200), 'E_DAMAGED'],
    ] as const) {
      const changed = await copyStore(store, (each, bytes) => (each === key ? body : bytes));
      await using repository = await openCheaply(changed);
      await expect(commit(repository, planned)).rejects.toMatchObject({
        code,
        message: expect.stringContaining(key),
      });
      expect(await repository.backupKeys(never)).toEqual([]);
    }
  });
});
