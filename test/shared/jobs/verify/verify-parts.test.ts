import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { GiB, MiB } from '../../../../shared/core/units.ts';
import { packKey } from '../../../../shared/format/pack.ts';
import type { ListedPack } from '../../../../shared/format/pack-list.ts';
import { verifyBackups } from '../../../../shared/jobs/verify/verify.ts';
import {
  depthText,
  MOST_PARTS,
  parseDepth,
  type VerifyDepth,
} from '../../../../shared/jobs/verify/verify-depth.ts';
import { halvesOf, newPartsOf, verifyParts } from '../../../../shared/jobs/verify/verify-parts.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import { flipped } from '../../../support/repository/damage.ts';
import { backUp, initRepository, never, openRepository } from '../../../support/repository/engine.ts';
import { forge } from '../../../support/repository/forge.ts';
import { listedPacks, withPacks } from '../../../support/repository/listed.ts';
import { seededRows } from '../../../support/repository/rows.ts';

const SMALL_PACKS = { packBytes: 16 * 1024, workers: 1 };
const NEW: VerifyDepth = { kind: 'new', part: 1, of: 1 };
const FULL: VerifyDepth = { kind: 'full' };
/** As docs/guide/operations.md says: a pack is in part N of T if the first 8 digits of its name are N - 1 beyond a multiple of T. */
const isIn = (part: number, of: number, name: string) =>
  Number.parseInt(name.slice(0, 8), 16) % of === part - 1;

describe('the parts of a verification', () => {
  const names = Array.from({ length: 300 }, (_, i) => createHash('sha256').update(`${i}`).digest('hex'));

  it.each([
    ['full', FULL, 800 * GiB, 32],
    ['a seventh', { kind: 'subset', part: 3, of: 7 } as const, 100 * GiB, 4],
    ['what is new', NEW, 65 * GiB, 4],
    ['little', FULL, 31 * GiB, 1],
  ])('have each pack once, and no more of them than it takes: %s', (_, depth, bytes, count) => {
    const parts = verifyParts(depth, bytes);
    expect(parts).toHaveLength(count);
    const wanted = names.filter((name) => !('part' in depth) || isIn(depth.part, depth.of, name));
    const found = parts.flatMap((part) =>
      names.filter((name) => !('part' in part) || isIn(part.part, part.of, name)),
    );
    expect(found.toSorted()).toEqual(wanted.toSorted());
  });

  it('are divided as long as there are parts', () => {
    let depth: VerifyDepth = FULL;
    for (let halves = halvesOf(depth); halves; halves = halvesOf(depth)) depth = halves[1];
    expect(depth).toMatchObject({ kind: 'subset', of: 8192 });
    expect(2 * 8192).toBeGreaterThan(MOST_PARTS);
    expect(halvesOf({ kind: 'quick' })).toBeUndefined();
  });

  it('are said in words that are understood again', () => {
    for (const text of ['quick', 'full', '3/7', 'new', 'new:2/16']) {
      const depth = parseDepth(text);
      expect(depth && depthText(depth)).toBe(text);
    }
    for (const text of ['newer', 'new:', 'new:0/2', 'new:3/2', '8/7', ''])
      expect(parseDepth(text)).toBeUndefined();
    expect(newPartsOf('backups/x', 40 * GiB)).toEqual([
      { backup: 'backups/x', depth: 'new:1/2', inParts: true },
      { backup: 'backups/x', depth: 'new:2/2', inParts: true },
    ]);
  });
});

/** Two backups: of the second, a tenth is new. */
async function twoBackups() {
  const store = new MemoryStore();
  await initRepository(store);
  await using repository = await openRepository(store, SMALL_PACKS);
  const rows = seededRows(2000, 1);
  const one = (await backUp(repository, { t: rows.join('') })).key;
  const changed = [...rows.slice(0, 1000), ...seededRows(200, 2), ...rows.slice(1000)];
  const two = (await backUp(repository, { t: changed.join('') })).key;
  const { run } = await repository.readManifest(two, never);
  const packs = await listedPacks(repository, two);
  const isOwn = ({ key }: ListedPack) => key?.run === run;
  const own = packs.filter(isOwn).map(({ id }) => id);
  const older = packs.filter((pack) => !isOwn(pack)).map(({ id }) => id);
  return { store, one, two, own, older };
}

async function verified(store: MemoryStore, keys: readonly BackupKey[], depth: VerifyDepth) {
  await using repository = await openRepository(store, SMALL_PACKS);
  return verifyBackups(repository, keys, { depth, signal: never });
}

async function damage(store: MemoryStore, pack: string): Promise<string> {
  const object = packKey(pack as never);
  const body = Buffer.from(await store.get(object, { signal: never }));
  await store.delete(object, { signal: never });
  await store.put(object, flipped(body, body.length >> 1), { signal: never });
  return object;
}

describe('a verification of what a backup stored itself', () => {
  it('reads its own packs and all of its tree, and no more of what came before', async () => {
    const { store, two, own, older } = await twoBackups();
    const report = await verified(store, [two], NEW);
    expect(report.findings).toEqual([]);
    expect(report.packs).toBe(own.length);
    expect(older.length).toBeGreaterThan(2 * own.length);
    const whole = await verified(store, [two], FULL);
    expect(report.readBytes).toBeLessThan(whole.readBytes / 2);
    expect(report.chunks).toBeGreaterThan(0);
    expect(report.chunks).toBeLessThan(whole.chunks / 2);
  });

  it('finds each of its own packs damaged, in one of the parts', async () => {
    const { own } = await twoBackups();
    for (let i = 0; i < own.length; i++) {
      const { store, two, own: packs } = await twoBackups();
      const object = await damage(store, packs[i] ?? '');
      const found = [];
      for (const depth of verifyParts(NEW, 100 * GiB))
        found.push(...(await verified(store, [two], depth)).findings.map((finding) => finding.object));
      expect(found, object).toContain(object);
    }
  });

  it('leaves a pack of an earlier backup to the verification of that, and to those of everything', async () => {
    const { store, one, two, own, older } = await twoBackups();
    const packs = await listedPacks(await openRepository(store, SMALL_PACKS), one);
    // Not one whose chunks the second backup's own are differences of.
    const data = packs.filter(({ id }) => older.includes(id)).toSorted((a, b) => b.bytes - a.bytes);
    const object = await damage(store, data.at(0)?.id ?? '');
    expect((await verified(store, [one], NEW)).findings.map((finding) => finding.object)).toContain(object);
    expect((await verified(store, [two], FULL)).findings.map((finding) => finding.object)).toContain(object);
    expect(own).not.toContain(object);
  });
});

describe('a full verification of backups that are much alike', () => {
  it('reads the leaves that they share once', async () => {
    const { store, one, two } = await twoBackups();
    await using repository = await openRepository(store, SMALL_PACKS);
    const reads: string[] = [];
    const { get } = store;
    store.get = async (key, ...rest) => {
      reads.push(key);
      return get.call(store, key, ...rest);
    };
    const separately =
      (await verified(store, [one], FULL)).chunks + (await verified(store, [two], FULL)).chunks;
    const readBefore = reads.splice(0).length;
    const { chunks, findings } = await verifyBackups(repository, [one, two], { depth: FULL, signal: never });
    expect(findings).toEqual([]);
    expect(chunks).toBeLessThan(separately);
    expect(reads.length).toBeLessThan(readBefore);
  });

  it('notices that one of them does not list a pack that a leaf of both needs', async () => {
    const store = new MemoryStore();
    await initRepository(store);
    await using repository = await openRepository(store, { packBytes: MiB, workers: 1 });
    const data = { t: seededRows(700, 1).join('') };
    const one = (await backUp(repository, data)).key;
    const two = (await backUp(repository, data)).key;
    const { catalog } = await repository.openBackup(two, never);
    const [needed] = (await listedPacks(repository, two)).toSorted((a, b) => b.bytes - a.bytes);
    await forge(repository, two, 't', {
      // The very leaf of the first backup.
      catalog: () => catalog,
      manifest: (manifest) => withPacks(manifest, (packs) => packs.filter(({ id }) => id !== needed?.id)),
    });
    const { findings } = await verified(store, [one, two], FULL);
    expect(findings.flatMap(({ backups }) => backups)).toContain(two);
    expect(findings.flatMap(({ backups }) => backups)).not.toContain(one);
  });
});
