/** A reader of repositories that was written from docs/reference/format.md alone. It shares no code with the product. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkBounds } from '../page-reader/bounds.ts';
import { Cursor, check, load, refuse, sha256, unzstd } from '../page-reader/bytes.ts';
import { Authenticated, count, digits, type Json, list, object, parse, text } from '../page-reader/json.ts';
import { Keys, type RunKey, runKey } from '../page-reader/keys.ts';
import { readPackList } from '../page-reader/pack-list.ts';
import { headerOf, type Location, type NamedPack, Packs, readObject } from '../page-reader/packs.ts';
import { rootOf, Trees } from '../page-reader/tree.ts';

export { Refused } from '../page-reader/bytes.ts';

export interface ReadDataset {
  readonly name: string;
  readonly kind: string;
  readonly attributes: Json;
  readonly bytes: Buffer;
}

export interface ReadBackup {
  readonly key: string;
  readonly version: number;
  readonly type: string;
  readonly parent: string | null;
  /** Whether it names its packs in a list of packs. */
  readonly listed: boolean;
  /** What is there of what the page describes: codecs, kinds of columns and nodes, versions of packs. */
  readonly seen: ReadonlySet<string>;
  /** Chunks of which least and greatest keys are known, and right. */
  readonly boundedChunks: number;
  readonly datasets: readonly ReadDataset[];
}

const MANIFEST = /^backups\/([a-z][a-z0-9-]{0,31})\/(\d{8})\/backup_\1_\2_\d{6}\.json$/;
const JSON_BYTES = 2 ** 29 - 24;
const USE_BYTES = 1024 ** 3;
const ZEROS = '0'.repeat(64);

/** Every backup of a repository in a folder, oldest first, opened with a root key of 64 digits. */
export function readRepository(folder: string, keyHex: string): readonly ReadBackup[] {
  const keys = new Keys(folder, keyHex);
  return readdirSync(join(folder, 'backups'), { recursive: true, encoding: 'utf8' })
    .map((name) => `backups/${name}`)
    .filter((key) => MANIFEST.test(key))
    .sort((one, other) => (one.slice(-20) < other.slice(-20) ? -1 : 1))
    .map((key) => readBackup(folder, keys, key));
}

interface Manifest {
  readonly json: Json;
  readonly version: number;
  readonly keys: readonly RunKey[];
}

function readManifest(folder: string, keys: Keys, key: string): Manifest {
  const file = new Authenticated(load(folder, key));
  file.says('holdfast-backup', [1, 2]);
  const entries = list(file.json['keys']).map(runKey);
  const own = entries.find(({ run, purpose }) => run === file.json['run'] && purpose === 'manifest');
  check(own !== undefined, `${key} has no key of its MAC`);
  const json = file.prove(keys.unwrap(own));
  keys.checkBelieved(file.bytes, own);
  check(json['repository'] === keys.repository, `${key} is of another repository`);
  check(json['key'] === key, `${key} is of another place`);
  return { json, version: Number(json['version']), keys: entries };
}

function namedIn({ json, keys }: Manifest): readonly NamedPack[] {
  return list(json['packs']).map((value) => {
    const pack = object(value);
    const key = keys[count(pack['key'])] ?? refuse('a pack has no key');
    return { id: digits(pack['id'], 64), bytes: count(pack['bytes']), key };
  });
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify([...one].sort()) === JSON.stringify([...new Set(other)].sort());
}

function packsOf(folder: string, manifest: Manifest): readonly NamedPack[] {
  const { json, version, keys } = manifest;
  if (json['list'] === undefined) return namedIn(manifest);
  check(version === 2 && json['packs'] === undefined, 'a manifest with a list of packs that may have none');
  const found = readPackList(folder, object(json['list']));
  const rootKeys = [...keys, ...found.keys].map(({ rootKeyId }) => rootKeyId);
  check(sameTexts(list(json['rootKeys']).map(text), rootKeys), 'the root keys are others than is said');
  // The catalog can be read without the list: the manifest has its key.
  const catalog = object(json['catalog']);
  const pack = readObject(folder, digits(catalog['pack'], 64), count(catalog['packBytes']));
  const { run, purpose } = headerOf(pack);
  check(
    keys.some((each) => each.run === run && each.purpose === purpose),
    'the manifest lacks the key of its catalog',
  );
  return found.packs;
}

function placeOf(json: Json, own: string): Location {
  const pack = digits(json['pack'], 64);
  const { offset, storedBytes } = json;
  return { pack: pack === ZEROS ? own : pack, offset: count(offset), storedBytes: count(storedBytes) };
}

function checkUse(packs: Packs, use: Json, { own, named }: { own: string; named: number }): void {
  const cursor = new Cursor(unzstd(packs.item(placeOf(use, own), 'index'), USE_BYTES));
  cursor.many(named, () => cursor.varint());
  cursor.end();
}

function readBackup(folder: string, keys: Keys, key: string): ReadBackup {
  const manifest = readManifest(folder, keys, key);
  const { json, version } = manifest;
  const named = packsOf(folder, manifest);
  const packs = new Packs(folder, keys, named);
  const said = object(json['catalog']);
  const place = placeOf(said, '');
  if (version === 2)
    check(
      packs.named(place.pack).bytes === count(said['packBytes']),
      'the catalog lies in a pack of another size',
    );
  const plain = unzstd(packs.item(place, 'index'), JSON_BYTES, { padded: version === 2 });
  check(sha256(plain) === digits(said['id'], 64), 'the catalog has other bytes than its id says');
  const catalog = object(parse(plain));
  if (version === 2) checkUse(packs, object(catalog['use']), { own: place.pack, named: named.length });
  const seen = new Set<string>();
  const trees = new Trees(packs, keys.maxBytes, seen);
  let boundedChunks = 0;
  const datasets = list(catalog['datasets']).map((dataset) =>
    readDataset(object(dataset), trees, {
      catalogPack: place.pack,
      onBounds: (bounds, attributes) => {
        const { keyFields } = attributes;
        if (keyFields === undefined) return;
        boundedChunks += checkBounds(packs, placeOf(bounds, place.pack), { keyFields, leaves: trees.leaves });
      },
    }),
  );
  checkUnique(datasets.map(({ name }) => name));
  const parent = json['parent'] === null ? null : text(json['parent']);
  const listed = json['list'] !== undefined;
  for (const each of packs.versions) seen.add(`pack ${each}`);
  return { key, version, type: text(json['type']), parent, listed, seen, boundedChunks, datasets };
}

function checkUnique(names: readonly string[]): void {
  check(new Set(names).size === names.length, 'two have one name');
}

interface Reading {
  readonly catalogPack: string;
  readonly onBounds: (bounds: Json, attributes: Json) => void;
}

function readDataset(json: Json, trees: Trees, { catalogPack, onBounds }: Reading): ReadDataset {
  const attributes = object(json['attributes']);
  const kind = text(json['kind']);
  check(kind === 'schema' || kind === 'data', 'a dataset of another kind');
  const partitions = list(json['partitions']).map(object);
  checkUnique(partitions.map(({ name }) => text(name)));
  const parts = partitions.map(({ root, bounds }) => {
    if (root === null) return Buffer.alloc(0);
    trees.leaves.length = 0;
    const part = trees.read(rootOf(object(root), catalogPack), kind === 'schema' ? 'index' : 'data');
    if (bounds !== undefined) onBounds(object(bounds), attributes);
    return part;
  });
  return {
    name: text(json['name']),
    kind,
    attributes,
    bytes: given(Buffer.concat(parts), parts.at(-1), attributes),
  };
}

/** What the source had: without the newline that the writer added. */
function given(all: Buffer, last: Buffer | undefined, attributes: Json): Buffer {
  const added = attributes['finalNewline'] === false;
  if (added) check(last?.at(-1) === 10, 'there is no newline that a writer added');
  const bytes = added ? all.subarray(0, -1) : all;
  const { sizeBytes } = attributes;
  if (sizeBytes !== undefined) check(count(sizeBytes) === bytes.length, 'a dataset of another size');
  return bytes;
}
