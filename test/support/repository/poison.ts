import { randomBytes } from 'node:crypto';
import type { BackupKey } from '../../../shared/core/ids.ts';
import type { ObjectStore } from '../../../shared/store/object-store.ts';
import {
  compressed,
  documentAt,
  type Entry,
  expanded,
  itemAt,
  newKey,
  objectOf,
  pack,
  type Reference,
  readLeaf,
  SELF,
  sha256,
  signed,
  unwrap,
  writeLeaf,
} from './by-hand.ts';
import { keyOf } from './forged-manifest.ts';

/** What is said falsely of a chunk that is referred to by its right id. */
export type Lie = 'items' | 'records' | 'bytes';

/**
 * Lists a backup after an honest one that says of every chunk of a dataset the right id, and something wrong beside it: other
 * items, a pack for each (`items`), or other counts of it. Every key, seal, MAC, size and checksum is right.
 */
export async function poison(
  store: ObjectStore,
  honest: BackupKey,
  { at, dataset, lie = 'items' }: { readonly at: string; readonly dataset: string; readonly lie?: Lie },
): Promise<BackupKey> {
  const { refs, catalog, listed } = await readBack(store, honest, dataset);
  const run = randomBytes(16).toString('hex');
  const { repository } = listed;
  const data = await newKey(repository, { run, purpose: 'data' });
  const index = await newKey(repository, { run, purpose: 'index' });
  const mac = await newKey(repository, { run, purpose: 'manifest' });
  const packs: object[] = [...listed['packs']];
  const keys: Entry[] = [...listed['keys'], data.entry, index.entry, mac.entry];
  const add = async (made: ReturnType<typeof pack>, key: Entry) => {
    await store.put(objectOf(made.id), made.bytes);
    const usedBytes = made.places.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
    packs.push({ id: made.id, bytes: made.bytes.length, usedBytes, key: keys.indexOf(key) });
    return made.places;
  };
  const told: Reference[] = [];
  for (const [n, ref] of refs.entries()) told.push(await lieOf(ref, n));
  async function lieOf(ref: Reference, n: number): Promise<Reference> {
    if (lie === 'records') return { ...ref, records: ref.records + 1 };
    if (lie === 'bytes') return { ...ref, plainBytes: ref.plainBytes + 1 };
    const wrong = Buffer.concat([Buffer.from([0]), Buffer.alloc(ref.plainBytes, `wrong ${n}\n`)]);
    return { ...ref, chain: await add(pack('data', run, data.plain, [wrong]), data.entry) };
  }
  const leaf = writeLeaf(told);
  const sum = (of: 'records' | 'plainBytes') => told.reduce((total, ref) => total + ref[of], 0);
  const [node] = await add(pack('index', run, index.plain, [compressed(leaf)]), index.entry);
  for (const one of catalog['datasets'])
    for (const partition of one.partitions) {
      if (partition.root?.pack === SELF) partition.root.pack = listed['catalog'].pack;
      if (one.name !== dataset) continue;
      const sums = { records: sum('records'), plainBytes: sum('plainBytes') };
      Object.assign(partition.root, { id: sha256(leaf), ...node, ...sums });
    }
  const plain = Buffer.from(JSON.stringify(catalog));
  const [place] = await add(pack('index', run, index.plain, [compressed(plain)]), index.entry);
  const key = keyOf('daily', at);
  const more = (of: 'records' | 'plainBytes') => sum(of) - refs.reduce((total, ref) => total + ref[of], 0);
  const totals = listed['totals'];
  const manifest = {
    ...listed,
    key,
    run,
    type: 'daily',
    startedAt: at,
    finishedAt: at,
    parent: honest,
    totals: {
      ...totals,
      records: totals.records + more('records'),
      plainBytes: totals.plainBytes + more('plainBytes'),
    },
    keys,
    packs,
    catalog: { id: sha256(plain), ...place },
  };
  await store.put(key, signed(manifest, mac.plain));
  return key;
}

/** The references of a dataset of one leaf, and what they hang from. */
async function readBack(store: ObjectStore, key: BackupKey, dataset: string) {
  const listed = (await documentAt(store, key)) as Awaited<ReturnType<typeof documentAt>> & {
    repository: string;
  };
  const keyOfRun = (run: string) => {
    const entry = (listed['keys'] as Entry[]).find((one) => one.run === run && one.purpose === 'index');
    return unwrap(listed.repository, entry as Entry);
  };
  const catalog = JSON.parse(expanded(await itemAt(store, listed['catalog'], keyOfRun)).toString());
  const { root } = catalog.datasets.find((one: { name: string }) => one.name === dataset).partitions[0];
  if (root.level !== 0) throw new Error(`${dataset} has more than one leaf`);
  const self = root.pack === SELF ? listed['catalog'].pack : root.pack;
  const leaf = expanded(await itemAt(store, { ...root, pack: self }, keyOfRun));
  return { refs: readLeaf(leaf, self), catalog, listed };
}
