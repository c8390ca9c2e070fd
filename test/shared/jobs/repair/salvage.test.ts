import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect } from 'vitest';
import type { BackupKey } from '../../../../shared/core/ids.ts';
import { packKey } from '../../../../shared/format/pack.ts';
import { runBackup } from '../../../../shared/jobs/backup/backup.ts';
import { OpenSalvage, type SalvageResult } from '../../../../shared/jobs/repair/salvage.ts';
import type { MissingRange } from '../../../../shared/jobs/repair/salvage-contents.ts';
import type { Repository } from '../../../../shared/repository/repository.ts';
import { FilesSource } from '../../../../shared/sources/files/source.ts';
import { FilesTarget } from '../../../../shared/sources/files/target.ts';
import { FolderStore } from '../../../../shared/store/folder-store.ts';
import { MemoryStore } from '../../../../shared/store/memory-store.ts';
import type { ByteRange, ObjectStore } from '../../../../shared/store/object-store.ts';
import { flipped, HARMS, harmed, nodesOf, packsOf } from '../../../support/repository/damage.ts';
import {
  backUp,
  type Data,
  initRepository,
  never,
  openRepository,
} from '../../../support/repository/engine.ts';
import { seededRows } from '../../../support/repository/rows.ts';
import { sample, turns } from '../../../support/repository/torture.ts';
import { UnreadableStore } from '../../../support/stores/unreadable-store.ts';
import { newFolder } from '../../../support/temporary.ts';

const it = turns(3);

const TINY_CHUNKS = { minBytes: 256, averageBytes: 512, maxBytes: 2048 };
const SMALL_PACKS = { packBytes: 8 * 1024, workers: 1 };
const longRecord = (rows: number, seed: number) =>
  `${seededRows(rows, seed).join('').replaceAll('\n', ' ')}\n`;
/** Small records, and some that take several chunks. */
const data: Data = {
  'pre-data': 'create table t ();\ncreate table u ();\n',
  t: [
    ...seededRows(200, 1),
    longRecord(90, 6),
    ...seededRows(200, 2),
    longRecord(300, 7),
    // Too short for a chunk of its own: the chunk goes on inside the next record.
    'z\n',
    longRecord(90, 8),
    ...seededRows(20, 3),
  ].join(''),
  u: seededRows(60, 4).join(''),
};

async function backedUp(store: ObjectStore = new MemoryStore(), of = data) {
  await initRepository(store, TINY_CHUNKS);
  await using repository = await openRepository(store, SMALL_PACKS);
  const { key } = await backUp(repository, of);
  return { store, key, packs: await packsOf(repository, key) };
}

async function salvageTo(folder: string, store: ObjectStore, key: BackupKey): Promise<SalvageResult> {
  await using repository = await openRepository(store, SMALL_PACKS);
  const target = new FilesTarget(folder);
  const open = await OpenSalvage.open(repository, key, target, { signal: never });
  return await open.restore({ signal: never });
}

/** The records of a dataset without those that are said to be missing. */
function left(text: string | Buffer, missing: readonly MissingRange[]): string {
  const records = text.toString().match(/.*\n/g) ?? [];
  const gone = new Set<number>();
  for (const { fromRecord, records: count, plainBytes } of missing) {
    const lost = records.slice(fromRecord - 1, fromRecord - 1 + count);
    expect(lost).toHaveLength(count);
    expect(lost.join('')).toHaveLength(plainBytes);
    for (let i = 0; i < count; i++) gone.add(fromRecord - 1 + i);
  }
  return records.filter((_, i) => !gone.has(i)).join('');
}

/** What was written is all that is not said to be missing, to the byte. */
async function expectHonest(result: SalvageResult, folder: string, of = data): Promise<void> {
  let records = 0;
  for (const [name, text] of Object.entries(of)) {
    const missing = result.missing.filter(({ dataset }) => dataset === name);
    const wanted = left(text, missing);
    expect(await readFile(path.join(folder, name), 'utf8')).toBe(wanted);
    records += wanted.split('\n').length - 1;
  }
  expect(result.records).toBe(records);
}

describe.each([
  ['memory', async () => new MemoryStore(), [0, 1 / 2, 1]],
  ['a folder', async () => new FolderStore(await newFolder()), [1 / 2]],
])('a salvage from %s', (_, newStore, places) => {
  it.each(sample(Object.entries(HARMS), 2))(
    'gives all that is left, and names what is not, with a data pack %s',
    async (_name, harm) => {
      const { store, key, packs } = await backedUp(await newStore());
      // The last one may be padding from its middle on, which harms nothing.
      const full = packs.data.slice(0, -1);
      expect(full.length).toBeGreaterThan(3);
      for (const place of sample(places, 1)) {
        const pack = full[Math.floor(place * (full.length - 1))]!;
        const folder = await newFolder();
        const result = await salvageTo(folder, await harmed(store, { [pack]: harm }), key);
        expect(result.missing.length).toBeGreaterThan(0);
        await expectHonest(result, folder);
      }
    },
    60_000,
  );
});

/** Where chunks end depends on the repository's secret: one in which a record begins in a chunk that has others too. */
async function withRecordAcrossChunks() {
  for (;;) {
    const { store, key } = await backedUp();
    await using repository = await openRepository(store, SMALL_PACKS);
    const reader = await repository.openBackup(key, never);
    const leaves = await Array.fromAsync(reader.leaves(reader.root('t', '0000'), { signal: never }));
    const refs = leaves.flatMap((leaf) => leaf.refs);
    const inside = refs.findIndex(({ records, endsInside }) => records === 0 && endsInside);
    const behindAnother = refs.findIndex((_, i) => refs[i - 1]?.endsInside && refs[i - 1]!.records > 0);
    if (inside >= 0 && behindAnother > 0) return { store, key, refs, inside, behindAnother };
  }
}

describe('a salvage', { timeout: 60_000 }, () => {
  it('of a whole backup is a restore', async () => {
    const { store, key } = await backedUp();
    const folder = await newFolder();
    const result = await salvageTo(folder, store, key);
    expect(result).toMatchObject({ missing: [], chunksFromElsewhere: 0 });
    await expectHonest(result, folder);
  });

  it('loses one chunk by one wrong byte, not its pack', async () => {
    const { store, key, packs } = await backedUp();
    const [pack = ''] = packs.data;
    const folder = await newFolder();
    const result = await salvageTo(
      folder,
      await harmed(store, { [pack]: (body) => flipped(body, 100) }),
      key,
    );
    expect(result.missing).toHaveLength(1);
    expect(result.missing[0]?.plainBytes).toBeLessThan(3 * TINY_CHUNKS.maxBytes);
    expect(result.missing[0]?.problem).toContain(pack);
    await expectHonest(result, folder);
  });

  it('leaves nothing of a record of which any part is lost', async () => {
    const { store, key, refs, inside, behindAnother } = await withRecordAcrossChunks();
    const after = refs.findIndex(({ endsInside }, i) => i > inside && !endsInside);
    for (const [n, wanted] of [
      [inside, 1],
      [behindAnother, 1],
      [after - 1, 1],
      [after, refs[after]!.records],
    ] as const) {
      const { pack, offset } = refs[n]!.chain[0]!;
      const harm = (body: Buffer) => flipped(body, offset + 1);
      const folder = await newFolder();
      const result = await salvageTo(folder, await harmed(store, { [packKey(pack.id!)]: harm }), key);
      expect(result.missing).toMatchObject([{ dataset: 't', records: wanted }]);
      await expectHonest(result, folder);
    }
  });

  it('reads what lies before the end of a pack that was cut short', async () => {
    const { store, key, packs } = await backedUp();
    const [pack = ''] = packs.data;
    const whole = await salvageTo(await newFolder(), await harmed(store, { [pack]: HARMS.removed }), key);
    const folder = await newFolder();
    const cut = await salvageTo(folder, await harmed(store, { [pack]: HARMS['cut short'] }), key);
    await expectHonest(cut, folder);
    expect(cut.records).toBeGreaterThan(whole.records);
  });

  it('goes on after a tree node that is lost, and counts what lay below it', async () => {
    const many = { ...data, t: seededRows(6000, 5).join('') };
    const { store, key } = await backedUp(new MemoryStore(), many);
    await using repository = await openRepository(store, SMALL_PACKS);
    const leaves = (await nodesOf(repository, key, 't')).filter(({ level }) => level === 0);
    expect(leaves.length).toBeGreaterThan(1);
    for (const { location, records } of [leaves[0]!, leaves.at(-1)!]) {
      const harm = (body: Buffer) => flipped(body, location.offset + 1);
      const broken = await harmed(store, { [packKey(location.pack.id!)]: harm });
      const folder = await newFolder();
      const result = await salvageTo(folder, broken, key);
      await expectHonest(result, folder, many);
      const [range, ...others] = result.missing;
      expect(others).toEqual([]);
      // Nobody knows whether the leaf ends inside a record: the one after it counts as lost.
      expect([records, records + 1]).toContain(range?.records);
    }
  });

  it('says so where catalog or manifest are lost: nothing can be found without them', async () => {
    const { store, key, packs } = await backedUp();
    for (const object of [key, ...packs.index]) {
      const broken = await harmed(store, { [object]: HARMS['cut short'] });
      await expect(salvageTo(await newFolder(), broken, key)).rejects.toMatchObject({
        code: 'E_DAMAGED',
        message: expect.stringContaining('nothing of the backup can be found'),
      });
    }
  });

  it('takes equal chunks from other backups, and misses nothing then', async () => {
    const { store, key, packs } = await backedUp();
    const [first = '', second = ''] = packs.data;
    const broken = await harmed(store, { [first]: HARMS.removed, [second]: HARMS['changed in the middle'] });
    const other: Data = { other: data['t'] as string };
    const lonely = await salvageTo(await newFolder(), broken, key);
    expect(lonely.missing.length).toBeGreaterThan(0);
    await healWith(broken, other);
    const folder = await newFolder();
    const result = await salvageTo(folder, broken, key);
    expect(result.missing.filter(({ dataset }) => dataset === 't')).toEqual([]);
    expect(result.chunksFromElsewhere).toBeGreaterThan(0);
    await expectHonest(result, folder);
  });

  it('keeps the last newline of a file whose end is lost', async () => {
    const folder = await newFolder();
    const { store, key, repository } = await withoutFinalNewline();
    await using _ = repository;
    const target = new FilesTarget(folder);
    const open = await OpenSalvage.open(repository, key, target, { signal: never });
    const { missing } = await open.restore({ signal: never });
    expect(missing.length).toBeGreaterThan(0);
    const text = await readFile(path.join(folder, 'rows.txt'), 'utf8');
    expect(text).toBe(left(`${store.text}\n`, missing));
  });

  it('loses to a bad sector what lies there, and nothing that lies beside it', async () => {
    const { store, key, packs } = await backedUp();
    const [bad = ''] = packs.data;
    const from = 3000;
    const isBad = (at: string, { offsetBytes, lengthBytes }: ByteRange) =>
      at === bad && offsetBytes <= from && offsetBytes + lengthBytes > from;
    const folder = await newFolder();
    const result = await salvageTo(folder, new UnreadableStore(store, isBad), key);
    await expectHonest(result, folder);
    const lost = result.missing.reduce((sum, { plainBytes }) => sum + plainBytes, 0);
    expect(lost).toBeGreaterThan(0);
    expect(lost).toBeLessThan(2 * TINY_CHUNKS.maxBytes);
  });
});

/** Another source that holds the same records, so that its chunks are equal. */
async function healWith(store: ObjectStore, other: Data): Promise<void> {
  await using repository: Repository = await openRepository(store, SMALL_PACKS);
  await backUp(repository, other);
}

async function withoutFinalNewline() {
  const folder = await newFolder();
  const text = seededRows(300, 8).join('').slice(0, -1);
  await writeFile(path.join(folder, 'rows.txt'), text);
  const store = new MemoryStore();
  await initRepository(store, TINY_CHUNKS);
  await using first = await openRepository(store, SMALL_PACKS);
  const { key } = await runBackup(first, new FilesSource(folder), { signal: never });
  const reader = await first.openBackup(key, never);
  const refs = [];
  for await (const leaf of reader.leaves(reader.root('rows.txt', '0'), { signal: never }))
    refs.push(...leaf.refs);
  const last = refs.at(-1)!.chain[0]!;
  const harm = (body: Buffer) => flipped(body, last.offset);
  const broken = await harmed(store, { [packKey(last.pack.id!)]: harm });
  const repository = await openRepository(broken, SMALL_PACKS);
  return { store: { text }, key, repository };
}
