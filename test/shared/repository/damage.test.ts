import { describe, expect, it } from 'vitest';
import { isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { listBackups } from '../../../shared/jobs/status/list.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import type { Repository } from '../../../shared/repository/repository.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import {
  backUp,
  type Data,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
} from '../../support/repository/engine.ts';
import { seededRandom, seededRows } from '../../support/repository/rows.ts';
import {
  cases,
  isFull,
  isTorture,
  sample,
  testSeed,
  tortureTimeoutMs,
} from '../../support/repository/torture.ts';
import { copyStore } from '../../support/stores/copy-store.ts';
import { UnreadableStore } from '../../support/stores/unreadable-store.ts';

interface Fixture {
  readonly store: MemoryStore;
  /** What each backup holds, oldest first. */
  readonly held: ReadonlyMap<BackupKey, Data>;
}

/** Two backups, the second with deltas of the first, and two reports. */
async function fixture(rowCount: number, seed: number): Promise<Fixture> {
  const rows = seededRows(rowCount, seed);
  const schema = { 'pre-data': 'create table t ();\n' };
  const changed = rows.map((row, i) => (i % 50 === 0 ? row.replace('\t', '\tnew ') : row));
  const store = new MemoryStore();
  await initRepository(store);
  let seconds = 0;
  const clock = { now: () => new Date(Date.UTC(2026, 2, 1, 2) + 1000 * seconds++) };
  await using repository = await openCheaply(store, { clock });
  const held = new Map<BackupKey, Data>();
  for (const t of [rows, changed]) {
    const data = { ...schema, t: t.join('') };
    held.set((await backUp(repository, data)).key, data);
  }
  const report = { backups: [...held.keys()], body: { reason: 'audit' } };
  for (const details of [undefined, { tables: ['t'] }])
    await repository.reports.write('hold', { ...report, details }, never);
  return { store, held };
}

/** What may be said of an object that is not what was written. */
const SAID = [
  'E_DAMAGED',
  'E_OBJECT_UNREADABLE',
  'E_WRONG_KEY',
  'E_NEWER_FORMAT',
  'E_FOREIGN_REPOSITORY',
  'E_NO_REPOSITORY',
];

/**
 * Looks at a repository in which `key` was harmed, and checks what is promised of any: lists do not fail, full
 * verification names the object, a restore gives the right bytes or an error that names the object, and the next
 * backup succeeds.
 *
 * @returns whether the harm was found
 */
async function examine(
  store: ObjectStore,
  harmed: string | readonly string[],
  { held }: Fixture,
): Promise<boolean> {
  const keys = [harmed].flat();
  let repository: Repository;
  try {
    repository = await openCheaply(store);
  } catch (error) {
    expectSaid(error, ['repository.json', `no repository at ${store.location}`]);
    return true;
  }
  const listed = await listBackups(repository, { signal: never });
  const backups = await repository.backupKeys(never);
  const { findings } = await verifyBackups(repository, backups, {
    depth: { kind: 'full' },
    others: true,
    signal: never,
  });
  for (const finding of findings) expect(SAID).toContain(finding.code);
  for (const backup of backups) {
    const wanted = digestsOf(held.get(backup) ?? {});
    await digests(repository, backup).then(
      (restored) => expect(restored, `${keys} harmed, ${backup} restored`).toEqual(wanted),
      (error: unknown) => expectSaid(error, keys),
    );
  }
  const next: Data = { ...[...held.values()].at(-1), v: 'another day\n' };
  const { key: nextKey } = await backUp(repository, next);
  await digests(repository, nextKey).then(
    (restored) => expect(restored, `${keys} harmed, the next backup restored`).toEqual(digestsOf(next)),
    (error: unknown) => expectSaid(error, keys),
  );
  if (listed.length < held.size) return true;
  const said = findings.flatMap(({ object, problem }) => [object, problem]);
  return said.some((text) => keys.some((key) => text.includes(key)));
}

/** That an error is of a kind for this, and names the object. What to do is in it, or said for all of its code. */
function expectSaid(error: unknown, objects: readonly string[]): void {
  if (!isHoldfastError(error)) throw error;
  expect(SAID).toContain(error.code);
  expect(
    objects.filter((object) => error.message.includes(object)),
    error.message,
  ).not.toEqual([]);
  expect(error.hint ?? (error.code === 'E_DAMAGED' ? 'said by the command line' : '')).not.toBe('');
}

/** Flips one bit of one object. */
function flipped({ store }: Fixture, harmed: string, at: number, bit: number): Promise<MemoryStore> {
  return copyStore(store, (key, body) => {
    if (key === harmed) body[at] = (body[at] ?? 0) ^ (1 << bit);
    return body;
  });
}

function replaced({ store }: Fixture, harmed: string, body: Uint8Array | undefined): Promise<MemoryStore> {
  return copyStore(store, (key, whole) => (key === harmed ? body : whole));
}

async function objectsOf({ store }: Fixture) {
  const infos = await Array.fromAsync(store.list(''));
  return Promise.all(infos.map(async ({ key }) => ({ key, body: Buffer.from(await store.get(key)) })));
}

/** For names of tests. */
function kindOf(key: string, body: Buffer): string {
  if (key.startsWith('data/')) return body[6] === 1 ? 'chunk pack' : 'tree pack';
  return key.startsWith('backups/') ? 'manifest' : key.startsWith('reports/') ? 'report' : key;
}

const small = await fixture(60, testSeed);
const objects = (await objectsOf(small)).map(({ key, body }, i) => ({
  key,
  body,
  name: `${kindOf(key, body)} (${i})`,
}));
/** One of each kind in the short form. */
const some = Object.values(Object.groupBy(objects, ({ name }) => name.replace(/ \(\d+\)$/, ''))).flatMap(
  (group = []) => sample(group, 1),
);
const one = (kind: string, n = 0) => objects.filter(({ name }) => name.startsWith(kind))[n]!;

/** In the short form some bytes: of every part of a pack's header, both ends, the format, the root key's id. */
function places(body: Buffer): readonly number[] {
  if (isTorture) return [...body.keys()];
  const random = seededRandom(body.length);
  const [format, rootKeyId] = [body.indexOf('holdfast-'), body.indexOf('"hex:') + 3];
  const parts =
    body[0] === 0x7b ? [format, rootKeyId, body.length - 40] : [4, 5, 6, 7, 8, 30, 60, 88, body.length - 3];
  const all = [0, ...parts, ...[1, 2, 3].map(() => Math.floor(random() * body.length)), body.length - 1];
  return sample(all, 4);
}

describe('damage', () => {
  it('is not seen where there is none', async () => {
    for (const { key } of objects)
      expect(await examine(await copyStore(small.store), key, small)).toBe(false);
  });

  it.each(some)(
    'of one bit anywhere in a $name is found, and no wrong byte comes out of a restore',
    async ({ key, body }) => {
      const random = seededRandom(testSeed);
      for (const at of places(body)) {
        const bit = Math.floor(random() * 8);
        const store = await flipped(small, key, at, bit);
        expect(await examine(store, key, small), `byte ${at}, bit ${bit}`).toBe(true);
      }
    },
    tortureTimeoutMs,
  );

  it(
    'of one bit at a random place of a large repository is found too',
    async () => {
      const large = await fixture(isFull ? 6000 : 1500, 3);
      const all = await objectsOf(large);
      const random = seededRandom(testSeed);
      for (let n = 0; n < cases(2, 4, 1000); n++) {
        // Each object as often as any other: by bytes, hardly any but chunk packs would be hit.
        const { key, body } = all[Math.floor(random() * all.length)]!;
        const [at, bit] = [Math.floor(random() * body.length), Math.floor(random() * 8)];
        const store = await flipped(large, key, at, bit);
        expect(await examine(store, key, large), `${key}: byte ${at}, bit ${bit}`).toBe(true);
      }
    },
    tortureTimeoutMs,
  );

  it.each(some)(
    'is found where a $name is cut short, made longer, emptied or gone',
    async ({ key, body }) => {
      const lengths = isTorture
        ? [...body.keys()].filter((n) => n % 16 === 0)
        : sample([0, 10, 87, 88, 104], 2);
      const cut = [...lengths.filter((n) => n < body.length), body.length - 1].map((n) =>
        body.subarray(0, n),
      );
      for (const harmed of [...cut, Buffer.concat([body, Buffer.of(0)])])
        expect(await examine(await replaced(small, key, harmed), key, small), `${harmed.length} bytes`).toBe(
          true,
        );
      // A report that is gone is a decision that is not made; nobody else knows of it.
      const isKnown = !key.startsWith('reports/');
      expect(await examine(await replaced(small, key, undefined), key, small)).toBe(isKnown);
    },
    tortureTimeoutMs,
  );
});

describe('a disk error', () => {
  it.each(some)('under a $name hinders nothing else, and is named', async ({ key }) => {
    const store = new UnreadableStore(await copyStore(small.store), (at) => at === key);
    expect(await examine(store, key, small)).toBe(true);
  });
});

describe('an object put in the place of another', () => {
  it.each([
    ['chunk pack', 'chunk pack'],
    ['tree pack', 'tree pack'],
    ['chunk pack', 'tree pack'],
    ['manifest', 'manifest'],
    ['report', 'report'],
  ])('is found: %s and %s swapped', async (kindA, kindB) => {
    const [a, b] = [one(kindA), one(kindB, kindA === kindB ? 1 : 0)];
    const swap = new Map([
      [a.key, b.body],
      [b.key, a.body],
    ]);
    const store = await copyStore(small.store, (key, body) => swap.get(key) ?? body);
    expect(await examine(store, [a.key, b.key], small)).toBe(true);
  });

  it.each(['chunk pack', 'tree pack', 'manifest', 'report'])(
    'is found: an older %s for a newer one',
    async (kind) => {
      const [older, newer] = [one(kind), one(kind, 1)];
      expect(await examine(await replaced(small, newer.key, older.body), newer.key, small)).toBe(true);
    },
  );

  it('is found: anything of another repository that has the same key', async () => {
    const other = await fixture(60, testSeed);
    for (const { key, body } of await objectsOf(other)) {
      const isSameKey = objects.some((mine) => mine.key === key);
      // Under another repository.json it is the backups that are strange.
      const said = [key, 'is of repository'];
      if (isSameKey) expect(await examine(await replaced(small, key, body), said, small), key).toBe(true);
    }
  });

  it('is what it was: the manifest of an earlier run that had the same key, with all of its packs', async () => {
    const clock = { now: () => new Date(Date.UTC(2026, 2, 9, 2)) };
    const [earlier, later] = [await copyStore(small.store), await copyStore(small.store)];
    const run = async (store: ObjectStore, t: string) => {
      await using repository = await openCheaply(store, { clock });
      return (await backUp(repository, { t })).key;
    };
    const key = await run(earlier, 'early\n');
    expect(await run(later, 'late\n')).toBe(key);
    const manifest = await earlier.get(key);
    const alone = await copyStore(later, (at, body) => (at === key ? manifest : body));
    const held = new Map([...small.held, [key, { t: 'late\n' }]]);
    const packs = (await objectsOf({ ...small, store: earlier })).filter(
      (object) => object.key.startsWith('data/') && !objects.some((mine) => mine.key === object.key),
    );
    const named = packs.map((pack) => pack.key);
    expect(await examine(await copyStore(alone), named, { ...small, held })).toBe(true);
    for (const { key: pack, body } of packs) await alone.put(pack, body);
    await using repository = await openCheaply(alone);
    expect(await digests(repository, key)).toEqual(digestsOf({ t: 'early\n' }));
  });
});
