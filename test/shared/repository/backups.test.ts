import { describe, expect } from 'vitest';
import { KiB } from '../../../shared/core/units.ts';
import { runBackup } from '../../../shared/jobs/backup/backup.ts';
import { chooseBackup } from '../../../shared/jobs/restore/choose-backup.ts';
import { listBackups } from '../../../shared/jobs/status/list.ts';
import { showBackup } from '../../../shared/jobs/status/show.ts';
import { readStatus } from '../../../shared/jobs/status/status.ts';
import { runProbe } from '../../../shared/jobs/verify/probe.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { HexKeyProvider } from '../../../shared/keys/hex-key-provider.ts';
import { Repository } from '../../../shared/repository/repository.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import { MeteredStore } from '../../../shared/store/metered-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import { newRgwStore } from '../../support/aws/ceph-rgw.ts';
import { describeWithPart } from '../../support/parts.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  memorySource,
  never,
  OTHER_KEY,
  ofLists,
  openRepository,
  TEST_FORMAT,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { listedPacks } from '../../support/repository/listed.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import { turns } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const it = turns(3);

const rows = seededRows(6000, 1);
const data = {
  'pre-data': 'create table t ();\n',
  t: rows.join(''),
  empty: '',
  u: seededRows(500, 2).join(''),
};

/** 1 % of the rows changed at random. */
function churn(lines: readonly string[], seed: number): string[] {
  const random = seededRandom(seed);
  return lines.map((line) => (random() < 0.01 ? line.replace(/\t\w+ /, `\tchanged${seed} `) : line));
}

function suite(open: () => Promise<ObjectStore>): void {
  it('gives back what was backed up, every time', async () => {
    const store = await open();
    await initRepository(store);
    await using repository = await openRepository(store);
    const first = await backUp(repository, data);
    expect(await digests(repository, first.key)).toEqual(digestsOf(data));
    let lines = rows;
    const backups = [{ key: first.key, want: digestsOf(data) }];
    for (let day = 1; day <= 5; day++) {
      lines = churn(lines, day);
      const next = { ...data, t: lines.join('') };
      const { key, storedBytes, parent } = await backUp(repository, next);
      expect(parent).toBe(backups.at(-1)?.key);
      expect(storedBytes).toBeLessThan(first.storedBytes / 10);
      backups.push({ key, want: digestsOf(next) });
    }
    for (const { key, want } of backups) expect(await digests(repository, key)).toEqual(want);
    const keys = backups.map(({ key }) => key);
    const full = await verifyBackups(repository, keys, { depth: { kind: 'full' }, signal: never });
    expect(full).toMatchObject({ findings: [], backups: keys });
    const quick = await verifyBackups(repository, keys, { depth: { kind: 'quick' }, signal: never });
    expect(quick.findings).toEqual([]);
  });
}

describe('backups in a folder', () => suite(async () => new FolderStore(await newFolder())));
describe('backups in memory', () => suite(async () => new MemoryStore()));
describeWithPart('ceph-rgw', 'backups on Ceph RGW', () => suite(() => newRgwStore()));

describe('a backup', () => {
  it('of unchanged data stores next to nothing', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    await backUp(repository, data);
    const again = await backUp(repository, data);
    expect(again.newChunks).toBe(0);
    // Small packs of format 2 are padded to 4 KiB and more.
    expect(again.storedBytes).toBeLessThan(TEST_FORMAT === 1 ? 2000 : 20 * KiB);
  });

  it('takes few requests', async () => {
    const store = new MeteredStore(new MemoryStore());
    await initRepository(store);
    const requests = async () => {
      const before = store.counts();
      await using repository = await openRepository(store, { packBytes: 16 * 1024 * 1024 });
      await backUp(repository, { ...data, t: churn(rows, before.puts).join('') });
      const { puts, gets, lists, heads } = store.counts();
      return puts + gets + lists + heads - before.puts - before.gets - before.lists - before.heads;
    };
    // One of them asks whether a repository of format 1 was upgraded; two look for the backup before; one asks whether the
    // root key was changed meanwhile. A list of packs is two objects.
    const more = ofLists ? 4 : 0;
    expect(await requests()).toBeLessThanOrEqual(12 + more);
    expect(await requests()).toBeLessThanOrEqual(14 + more);
  });

  it('keeps chains to 16 steps and goes on storing little', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    let lines = rows;
    const first = await backUp(repository, { t: lines.join('') });
    for (let day = 1; day <= 20; day++) {
      lines = churn(lines, day);
      const { key, storedBytes } = await backUp(repository, { t: lines.join('') });
      expect(storedBytes).toBeLessThan(first.storedBytes / 3);
      if (day % 5 > 0) continue;
      const reader = await repository.openBackup(key, never);
      for await (const { refs } of reader.leaves(reader.root('t', '0000'), { signal: never })) {
        for (const { chain } of refs) expect(chain.length).toBeLessThanOrEqual(16);
      }
      expect(await digests(repository, key)).toEqual(digestsOf({ t: lines.join('') }));
    }
  }, 60_000);

  it('leaves sparse packs behind, so that they can go', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const old = await backUp(repository, { t: rows.join('') });
    await backUp(repository, { t: [...rows.slice(0, 300), ...seededRows(6000, 77)].join('') });
    const last = await backUp(repository, { t: [...rows.slice(0, 300), ...seededRows(6000, 77)].join('') });
    const packs = async (key: typeof old.key) => (await listedPacks(repository, key)).map(({ id }) => id);
    const shared = (await packs(old.key)).filter((id) => last && id);
    const kept = new Set(await packs(last.key));
    expect(shared.filter((id) => kept.has(id))).toEqual([]);
  });

  it('stores again what was in a pack that is gone', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const { key } = await backUp(repository, data);
    for (const { id } of (await listedPacks(repository, key)).slice(0, 1)) {
      await store.delete(`data/${id.slice(0, 2)}/${id}`);
    }
    const warnings: string[] = [];
    const onProgress = (event: { readonly kind: string; readonly message?: string }) =>
      event.kind === 'warning' && warnings.push(event.message ?? '');
    const healed = await backUp(repository, data, { onProgress });
    expect(await digests(repository, healed.key)).toEqual(digestsOf(data));
    expect(warnings.join()).toMatch(/missing|cannot be used for comparison/);
  });

  it('of a source that is empty, or lost all its records, fails', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    await expect(backUp(repository, {})).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
    await backUp(repository, data);
    await expect(backUp(repository, { t: '' })).rejects.toMatchObject({ code: 'E_EMPTY_READ' });
    expect(await repository.backupKeys(never)).toHaveLength(1);
  });

  it('that is stopped, or whose source fails, lists nothing and hinders nobody', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    let blocks = 0;
    const stop = new AbortController();
    const stopping = memorySource(data, { read: () => (++blocks === 20 ? stop.abort() : undefined) });
    await expect(runBackup(repository, stopping, { signal: stop.signal })).rejects.toMatchObject({
      code: 'E_ABORTED',
    });
    const broken = memorySource(data, {
      read: () => {
        if (++blocks > 40) throw new Error('source broke');
      },
    });
    await expect(runBackup(repository, broken, { signal: never })).rejects.toThrow('source broke');
    expect(await repository.backupKeys(never)).toEqual([]);
    const { key } = await backUp(repository, data);
    expect(await digests(repository, key)).toEqual(digestsOf(data));
  });

  it('that ends inside a record fails', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    await expect(backUp(repository, { t: 'a\nb' })).rejects.toMatchObject({ code: 'E_SOURCE_LOST' });
  });

  it('takes records larger than a chunk, and blocks of odd sizes', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const huge = { t: `${'x'.repeat(5_000_000)}\n${rows.join('')}${'y'.repeat(300_000)}\n` };
    await backUp(repository, huge);
    const next = { t: huge.t.replace('xx', 'z') };
    const { key } = await backUp(repository, next);
    expect(await digests(repository, key)).toEqual(digestsOf(next));
  });
});

describe('a repository', () => {
  it('is made once, and not where other things are', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await expect(initRepository(store)).rejects.toMatchObject({ code: 'E_REPOSITORY_EXISTS' });
    const other = new MemoryStore();
    await other.put('holiday.jpg', Buffer.from('x'));
    await expect(initRepository(other)).rejects.toMatchObject({ code: 'E_FOREIGN_REPOSITORY' });
  });

  it('is not there, is of another kind, or of a newer release', async () => {
    await expect(openRepository(new MemoryStore())).rejects.toMatchObject({ code: 'E_NO_REPOSITORY' });
    const foreign = new MemoryStore();
    await foreign.put('repository.json', Buffer.from('{"some":"thing"}'));
    await expect(openRepository(foreign)).rejects.toMatchObject({ code: 'E_FOREIGN_REPOSITORY' });
    const store = new MemoryStore();
    await initRepository(store);
    const newer = new MemoryStore();
    const text = Buffer.from(await store.get('repository.json')).toString();
    await newer.put('repository.json', Buffer.from(text.replace(/"version":[12]/, '"version":3')));
    await expect(openRepository(newer)).rejects.toMatchObject({ code: 'E_NEWER_FORMAT' });
  });

  it('tells a wrong key from damage', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const wrong = openRepository(store, { keys: new HexKeyProvider(OTHER_KEY) });
    await expect(wrong).rejects.toMatchObject({ code: 'E_WRONG_KEY' });
    const changed = new MemoryStore();
    const text = Buffer.from(await store.get('repository.json')).toString();
    await changed.put(
      'repository.json',
      Buffer.from(text.replace('"averageBytes":4096', '"averageBytes":4097')),
    );
    await expect(openRepository(changed)).rejects.toMatchObject({ code: 'E_DAMAGED' });
    expect(() => new HexKeyProvider('abc')).toThrow(expect.objectContaining({ code: 'E_BAD_KEY' }));
    expect(() => new HexKeyProvider('xy'.repeat(32))).toThrow(/64 hex digits/);
  });

  it('lists and verifies quickly without a key, and reads nothing else', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    {
      await using repository = await openRepository(store);
      await backUp(repository, data);
    }
    await using keyless = await openRepository(store, { keys: undefined });
    const [backup] = await listBackups(keyless, { signal: never });
    expect(backup).toMatchObject({ state: 'unproven', records: 6500 });
    const report = await verifyBackups(keyless, [backup!.key], { depth: { kind: 'quick' }, signal: never });
    expect(report.findings).toEqual([]);
    await expect(showBackup(keyless, backup!.key, never)).rejects.toMatchObject({ code: 'E_NO_KEY' });
    await expect(backUp(keyless, data)).rejects.toMatchObject({ code: 'E_NO_KEY' });
  });

  it('finds backups by part of their key, newest first', async () => {
    const store = new MemoryStore();
    let now = Date.parse('2026-03-01T02:00:00Z');
    const clock = { now: () => new Date(now) };
    await initRepository(store);
    await using repository = await openRepository(store, { clock });
    const first = await backUp(repository, data);
    expect(first.key).toBe('backups/daily/20260301/backup_daily_20260301_020000.json');
    const sameSecond = await backUp(repository, data);
    expect(sameSecond.key).toBe('backups/daily/20260301/backup_daily_20260301_020001.json');
    now = Date.parse('2026-03-02T02:00:00Z');
    const weekly = await backUp(repository, data, { type: 'weekly', note: 'before the move' });
    const resolve = (text: string, type?: string) => chooseBackup(repository, text, { type, signal: never });
    expect(await resolve('latest')).toBe(weekly.key);
    expect(await resolve('latest', 'daily')).toBe(sameSecond.key);
    expect(await resolve('20260302')).toBe(weekly.key);
    expect(await resolve('daily_20260301_020000')).toBe(first.key);
    await expect(resolve('20260301')).rejects.toMatchObject({
      code: 'E_AMBIGUOUS_KEY',
      message: expect.stringContaining('020001'),
    });
    await expect(resolve('2025')).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
    await expect(resolve('latest', 'monthly')).rejects.toMatchObject({ code: 'E_NO_BACKUP' });
    const all = await listBackups(repository, { signal: never });
    expect(all.map(({ key }) => key)).toEqual([weekly.key, sameSecond.key, first.key]);
    expect(all[0]).toMatchObject({ note: 'before the move', state: 'whole' });
    expect(await showBackup(repository, weekly.key, never)).toMatchObject({
      parent: sameSecond.key,
      consistency: 'atomic',
      datasets: expect.arrayContaining([expect.objectContaining({ name: 't', records: 6000 })]),
    });
    expect(await readStatus(repository, never)).toMatchObject({
      backups: 3,
      damaged: 0,
      unreferencedBytes: ofLists ? undefined : 0,
      newest: { length: 2 },
    });
  });

  it('proves itself with a probe, and leaves nothing of it', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store);
    const { proved } = await runProbe(repository, never);
    expect(proved).toHaveLength(3);
    expect(await readStatus(repository, never)).toMatchObject({ backups: 0, packs: 0 });
  });

  it('takes no more work once it is closed', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const repository = await openRepository(store, { pool: undefined });
    await repository[Symbol.asyncDispose]();
    await expect(backUp(repository, data)).rejects.toMatchObject({ code: 'E_ABORTED' });
  });

  it('takes backups of two sources at once', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    const other = { t: seededRows(3000, 9).join('') };
    const run = async (name: string, of: Record<string, string>) => {
      await using repository = await Repository.open({
        store,
        keys: new HexKeyProvider(TEST_KEY),
        workers: 1,
        signal: never,
      });
      return await runBackup(repository, memorySource(of, { name }), { signal: never });
    };
    const [a, b] = await Promise.all([run('a', data), run('b', other)]);
    await using repository = await openRepository(store);
    expect(await digests(repository, a.key)).toEqual(digestsOf(data));
    expect(await digests(repository, b.key)).toEqual(digestsOf(other));
  });
});
