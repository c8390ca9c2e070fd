import { expect, it, vi } from 'vitest';
import { isHoldfastError } from '../../../shared/core/errors.ts';
import type { BackupKey } from '../../../shared/core/ids.ts';
import { KiB, MiB } from '../../../shared/core/units.ts';
import { DEFAULT_CHUNKER } from '../../../shared/format/repository-file.ts';
import { recordBlocks } from '../../../shared/jobs/inside/query/record-blocks.ts';
import { verifyBackups } from '../../../shared/jobs/verify/verify.ts';
import { FolderStore } from '../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../shared/store/memory-store.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import {
  backUp,
  digests,
  digestsOf,
  initRepository,
  never,
  openCheaply,
  TEST_KEY,
} from '../../support/repository/engine.ts';
import { InlinePool } from '../../support/repository/inline-pool.ts';
import { readRepository } from '../../support/repository/page-reader.ts';
import { seededRandom } from '../../support/repository/rows.ts';
import { cases, tortureTimeoutMs } from '../../support/repository/torture.ts';
import { newFolder } from '../../support/temporary.ts';

const FIELDS = 12;
/** Of a changed pack: of its header, the last two. */
const REFUSALS = ['E_DAMAGED', 'E_WRONG_KEY', 'E_NEWER_FORMAT'];

const random = seededRandom(11);
const word = () => Math.floor(random() * 36 ** 6).toString(36);
/** Rows of twelve fields; those at 2, 5 and 11 are long, the others short, and the one at 7 always the same. */
const rows = Array.from({ length: 16_000 }, (_, id) => [
  String(id),
  ['open', 'paid', '\\N'][Math.floor(random() * 3)] as string,
  `${word()} ${word()} ${word()}`,
  (random() * 1000).toFixed(2),
  String(Math.floor(random() * 1e9)),
  `${word()}@example.org`,
  new Date(1.7e12 + Math.floor(random() * 3e10)).toISOString().slice(0, 19).replace('T', ' '),
  'same',
  String(Math.floor(random() * 100)),
  random() < 0.2 ? '\\N' : word(),
  String(Math.floor(random() * 2)),
  `${word()} ${word()}`,
]);
const textOf = (places: readonly number[]) =>
  rows.map((row) => `${places.map((place) => row[place]).join('\t')}\n`).join('');
const all = Array.from({ length: FIELDS }, (_, place) => place);
const data = { t: textOf(all) };

interface Fetched {
  readonly object: string;
  readonly from: number;
  readonly to: number;
}

/** Notes what is fetched of packs. */
function noting(store: ObjectStore, fetched: Fetched[]): ObjectStore {
  const get: ObjectStore['get'] = async (key, options) => {
    const bytes = await store.get(key, options);
    const from = options?.range?.offsetBytes ?? 0;
    if (key.startsWith('data/')) fetched.push({ object: key, from, to: from + bytes.length });
    return bytes;
  };
  const { location } = store;
  return {
    location,
    get,
    put: store.put.bind(store),
    delete: store.delete.bind(store),
    head: store.head.bind(store),
    list: store.list.bind(store),
  };
}

/** A repository with one backup. */
async function stored(store: ObjectStore = new MemoryStore(), chunker = DEFAULT_CHUNKER) {
  await initRepository(store, chunker, { version: 2 });
  await using repository = await openCheaply(store, { packBytes: 2 * MiB, pool: new InlinePool() });
  const { key } = await backUp(repository, data);
  return { store, key };
}

/** Some fields of all rows, and what was fetched for that of packs of data. */
async function picked(store: ObjectStore, key: BackupKey, places: readonly number[]) {
  const fetched: Fetched[] = [];
  await using repository = await openCheaply(noting(store, fetched));
  const reader = await repository.openBackup(key, never);
  fetched.length = 0;
  const blocks = await Array.fromAsync(
    recordBlocks(reader, { dataset: 't', partition: '0000', places }, never),
  );
  const isIndex = new Map<string, boolean>();
  for (const { object } of fetched) isIndex.set(object, (await store.get(object))[6] === 2);
  const parts = fetched.filter(({ object }) => !isIndex.get(object));
  return {
    text: Buffer.concat(blocks).toString(),
    parts,
    bytes: parts.reduce((sum, { from, to }) => sum + to - from, 0),
  };
}

async function replace(store: ObjectStore, object: string, bytes: Buffer): Promise<void> {
  await store.delete(object);
  await store.put(object, bytes);
}

const somePlaces = () => all.filter(() => random() < 0.25);

it('fetches single columns without the others: less than half of the bytes', async () => {
  const { store, key } = await stored(new FolderStore(await newFolder()));
  const whole = await picked(store, key, all);
  expect(whole.text).toBe(data.t);
  for (const places of [[0, 3], [1, 8], [6, 10], [7]]) {
    const { text, bytes } = await picked(store, key, places);
    expect(text).toBe(textOf(places));
    // A last chunk of less than 64 KiB is read whole.
    expect(bytes, String(places)).toBeLessThan(whole.bytes / 2);
  }
});

it('gives what the rows have, of any columns', { timeout: tortureTimeoutMs }, async () => {
  const { store, key } = await stored();
  for (let n = 0; n < cases(8, 40, 400); n++) {
    const places = somePlaces();
    if (places.length === 0) continue;
    expect((await picked(store, key, places)).text, String(places)).toBe(textOf(places));
  }
});

it('lays maps out as the format says, and restores and verifies as without them', async () => {
  const folder = await newFolder();
  const { store, key } = await stored(new FolderStore(folder));
  const [backup] = readRepository(folder, TEST_KEY);
  expect(backup?.seen).toContain('map of columns');
  expect(backup?.datasets[0]?.bytes.toString()).toBe(data.t);
  await using repository = await openCheaply(store);
  expect(await digests(repository, key)).toEqual(digestsOf(data));
  const report = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal: never });
  expect(report.findings).toEqual([]);
});

it('reads nothing of the columns that it does not fetch', async () => {
  const { store, key } = await stored();
  const { parts } = await picked(store, key, [0, 3]);
  for (const object of new Set(parts.map((part) => part.object))) {
    const bytes = Buffer.from(await store.get(object));
    const harmed = Buffer.alloc(bytes.length, 0xff);
    for (const { from, to } of parts.filter((part) => part.object === object))
      bytes.copy(harmed, from, from, to);
    await replace(store, object, harmed);
  }
  expect((await picked(store, key, [0, 3])).text).toBe(textOf([0, 3]));
});

it('finds every change of what it fetches, or is not harmed by it', {
  timeout: tortureTimeoutMs,
}, async () => {
  const { store, key } = await stored();
  const { parts } = await picked(store, key, [0, 3]);
  let [right, refused] = [0, 0];
  for (let n = 0; n < cases(150, 600, 6000); n++) {
    const { object, from, to } = parts[Math.floor(random() * parts.length)] as Fetched;
    const bytes = Buffer.from(await store.get(object));
    const at = from + Math.floor(random() * (to - from));
    const harmed = Buffer.from(bytes);
    harmed.writeUInt8(bytes.readUInt8(at) ^ (1 << Math.floor(random() * 8)), at);
    await replace(store, object, harmed);
    try {
      expect((await picked(store, key, [0, 3])).text).toBe(textOf([0, 3]));
      right++;
    } catch (error) {
      if (!isHoldfastError(error) || !REFUSALS.includes(error.code)) throw error;
      refused++;
    }
    await replace(store, object, bytes);
  }
  // Pages have bytes of neighbours in them, and where a map is harmed the item is read whole.
  expect(right).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});

it('reads packs without maps, as older releases wrote them', async () => {
  const codec = await import('../../../shared/format/codec.ts');
  const without = vi.spyOn(codec, 'mapOf').mockReturnValue(undefined);
  const { store, key } = await stored();
  expect(without).toHaveBeenCalled();
  without.mockRestore();
  expect((await picked(store, key, [0, 3])).text).toBe(textOf([0, 3]));
});

it('reads whole what has the map of other columns', async () => {
  const codec = await import('../../../shared/format/codec.ts');
  const { mapOf } = codec;
  const lying = vi.spyOn(codec, 'mapOf').mockImplementation((item) => {
    const map = mapOf(item);
    if (!map) return undefined;
    // The first columns share a part, by what it says, with one that lies in the next part.
    const at = 4 + 18 + (map.readUInt8(5) < 128 ? 0 : map.readUInt8(6) < 128 ? 1 : 2);
    map.writeUInt8(map.readUInt8(at) + 1, at);
    return map;
  });
  const { store, key } = await stored();
  expect(lying).toHaveBeenCalled();
  lying.mockRestore();
  for (const place of all) expect((await picked(store, key, [place])).text).toBe(textOf([place]));
});

it('puts no map behind small chunks', async () => {
  const small = { minBytes: 1 * KiB, averageBytes: 4 * KiB, maxBytes: 16 * KiB };
  const folder = await newFolder();
  const { store, key } = await stored(new FolderStore(folder), small);
  expect(readRepository(folder, TEST_KEY)[0]?.seen).not.toContain('map of columns');
  expect((await picked(store, key, [0, 3])).text).toBe(textOf([0, 3]));
});
