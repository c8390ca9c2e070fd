import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { restoreBackup } from '../../../shared/jobs/restore/restore.ts';
import { runProbe } from '../../../shared/jobs/verify/probe.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { FilesTarget } from '../../../shared/sources/files/target.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import {
  backUp,
  type Data,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { listedPacks } from '../../support/repository/listed.ts';
import { seededRows } from '../../support/repository/rows.ts';
import { strides } from '../../support/repository/torture.ts';
import { contentsOf, copyStore } from '../../support/stores/copy-store.ts';
import { survives } from '../../support/stores/dying.ts';
import { FaultyStore } from '../../support/stores/faulty-store.ts';
import { newFolder } from '../../support/temporary.ts';

const schema = { 'pre-data': 'create table t ();\n' };
const rows = seededRows(1500, 1);
/** So little of the first day is left on the second that its packs are sparse; the third is made of deltas. */
const secondRows = [...rows.slice(0, 60), ...seededRows(1500, 2, 5000)];
const days: readonly Data[] = [
  { ...schema, t: rows.join(''), u: 'one\ntwo\n' },
  { ...schema, t: secondRows.join(''), u: 'one\n' },
  { ...schema, t: secondRows.map((row, i) => (i % 40 === 0 ? row.replace('\t', '\tnew ') : row)).join('') },
];

interface Past {
  readonly store: MemoryStore;
  /** What each listed backup holds. */
  readonly held: ReadonlyMap<BackupKey, Data>;
}

/** A repository with a backup of each of the first `count` days. */
async function past(count: number): Promise<Past> {
  const store = new MemoryStore();
  await initRepository(store);
  const held = new Map<BackupKey, Data>();
  await using repository = await openCheaply(store);
  for (const day of days.slice(0, count)) held.set((await backUp(repository, day)).key, day);
  return { store, held };
}

/** Every listed backup gives back what it held, the next run succeeds, and every byte of all of them is whole. */
async function expectSound(store: MemoryStore, held: Past['held'], next: Data, call: number): Promise<void> {
  await using repository = await openCheaply(store);
  const listed = (await repository.backupKeys(never)).filter((key) => !key.includes('/probe/'));
  expect(listed, `call ${call}`).toEqual(expect.arrayContaining([...held.keys()]));
  for (const key of listed)
    expect(await digests(repository, key), `call ${call}`).toEqual(digestsOf(held.get(key) ?? next));
  const { key } = await backUp(repository, next);
  expect(await digests(repository, key), `call ${call}`).toEqual(digestsOf(next));
  const all = await repository.backupKeys(never);
  const { findings } = await verifyBackups(repository, all, { depth: { kind: 'full' }, signal: never });
  expect(findings, `call ${call}`).toEqual([]);
}

const MOMENTS = ['before', 'after'] as const;
const BACKUPS = [
  { title: 'the first backup', before: 0 },
  { title: 'a second backup', before: 1 },
  { title: 'a third backup, with deltas and sparse packs,', before: 2 },
];

describe.each(MOMENTS)('whose process dies %s any store call', (moment) => {
  it.each(BACKUPS)(
    '$title leaves every listed backup whole, and the next succeeds',
    async ({ before }) => {
      const { store: start, held } = await past(before);
      const next = days[before]!;
      let calls = 0;
      for (const call of strides(18)) {
        calls = call;
        const store = await copyStore(start);
        const survived = await survives(store, { call, moment }, (repository) => backUp(repository, next));
        await expectSound(store, held, next, call);
        if (survived) break;
      }
      expect(calls).toBeGreaterThan(6);
    },
    60_000,
  );

  it('an init leaves a repository or none, and is made again where there is none', async () => {
    for (const call of strides(4)) {
      const store = new MemoryStore();
      const dies = initRepository(new FaultyStore(store).dieAt(call, moment));
      const survived = await dies.then(
        () => true,
        () => false,
      );
      await initRepository(store).catch((error: unknown) =>
        expect(error).toMatchObject({ code: 'E_REPOSITORY_EXISTS' }),
      );
      await expectSound(store, new Map(), days[0]!, call);
      if (survived) break;
    }
  });

  it('a probe leaves the backups alone, and none of its own that is not whole', async () => {
    const { store: start, held } = await past(1);
    for (const call of strides(13)) {
      const store = await copyStore(start);
      const survived = await survives(store, { call, moment }, (repository) => runProbe(repository, never));
      await expectSound(store, held, days[1]!, call);
      if (survived) break;
    }
  }, 60_000);

  it('a restore leaves the repository untouched and each file old or new, and succeeds the next time', async () => {
    const { store, held } = await past(2);
    const untouched = await contentsOf(store);
    const [key] = [...held.keys()].slice(-1) as [BackupKey];
    const wanted = held.get(key)!;
    let last = 0;
    for (const call of strides(11)) {
      last = call;
      const folder = path.join(await newFolder(), 'out');
      await mkdir(folder);
      await writeFile(path.join(folder, 't'), 'mine\n');
      const restore = (repository: Repository) =>
        restoreBackup(repository, key, new FilesTarget(folder), { replace: true, signal: never });
      const survived = await survives(store, { call, moment }, restore);
      expect(await contentsOf(store)).toEqual(untouched);
      const files = await readdir(folder);
      expect(files, `call ${call}`).toContain('t');
      for (const file of files) {
        const allowed = [wanted[file], file === 't' && !survived ? 'mine\n' : wanted[file]];
        expect(allowed, `call ${call}: ${file}`).toContain(await readFile(path.join(folder, file), 'utf8'));
      }
      await using repository = await openCheaply(store);
      await restore(repository);
      const restored = await Promise.all(
        Object.keys(wanted).map(async (file) => [file, sha256(await readFile(path.join(folder, file)))]),
      );
      expect(Object.fromEntries(restored)).toEqual(digestsOf(wanted));
      if (survived) break;
    }
    expect(last).toBeGreaterThan(6);
  }, 60_000);
});

it('the third day meets what it is there for: deltas, and a pack that is left behind as it is sparse', async () => {
  const { store } = await past(3);
  await using repository = await openCheaply(store);
  const [third, second] = await repository.backupKeys(never);
  const packs = async (key: BackupKey) => (await listedPacks(repository, key)).map(({ id }) => id);
  const reader = await repository.openBackup(third!, never);
  const leaves = await Array.fromAsync(reader.leaves(reader.root('t', '0000'), { signal: never }));
  expect(leaves.flatMap(({ refs }) => refs).some(({ chain }) => chain.length > 1)).toBe(true);
  const [kept, before] = [await packs(third!), await packs(second!)];
  expect(before.some((id) => !kept.includes(id))).toBe(true);
  expect(before.some((id) => kept.includes(id))).toBe(true);
});

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
