import { HoldfastError } from '../../core/errors.ts';
import { parseBackupKey } from '../../core/ids.ts';
import type { CatalogDataset } from '../../format/catalog.ts';
import type { Manifest } from '../../format/manifest.ts';
import { packKey } from '../../format/pack.ts';
import type { ListedPack } from '../../format/pack-list.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import { checkNames } from '../source/dataset-names.ts';

/**
 * What manifest and catalog say about themselves and each other. A contradiction was written by something
 * broken, and a restore may fail on it.
 *
 * @throws E_DAMAGED naming the manifest, and the first contradiction
 */
export function refuseContradictions(reader: BackupReader, packs: readonly ListedPack[]): void {
  const { manifest, catalog } = reader;
  const { key } = manifest;
  const fail = (problem: string): never => {
    throw new HoldfastError('E_DAMAGED', `${key} ${problem}`, {
      hint: 'It was written wrong: make a new backup, and check what this one restores before you rely on it.',
    });
  };
  if (parseBackupKey(key)?.type !== manifest.type) fail(`says that it is of type ${manifest.type}`);
  const problem = problemOfPacks(manifest, packs);
  if (problem) fail(problem);
  const names = catalog.datasets.map(({ name }) => name);
  const sameName = firstTwice(names);
  if (sameName !== undefined) fail(`has two datasets named '${sameName}'`);
  for (const dataset of catalog.datasets) {
    const ofDataset = problemOf(dataset);
    if (ofDataset) fail(`has the dataset '${dataset.name}', ${ofDataset}`);
  }
  const unfit = checkNames(manifest.source.kind, names);
  if (unfit) fail(`cannot be restored to its own kind of source: ${unfit}`);
  verifyTotals(reader);
}

/**
 * @param runOf the run and purpose that the pack itself names
 * @throws E_DAMAGED if the manifest's key for it is another
 */
export function refuseOtherKey(
  { manifest }: BackupReader,
  { id, key: said }: ListedPack,
  { run, purpose }: { readonly run: string; readonly purpose: string },
): void {
  if (!said || (said.run === run && said.purpose === purpose)) return;
  throw new HoldfastError(
    'E_DAMAGED',
    `${manifest.key} says that ${packKey(id as never)} has the ${said.purpose} key of run ${said.run}; it has the ${purpose} key of run ${run}`,
  );
}

function problemOfPacks(manifest: Manifest, packs: readonly ListedPack[]): string | undefined {
  const twice = firstTwice(packs.map(({ id }) => id));
  if (twice) return `lists pack ${twice} twice`;
  const { keys } = manifest;
  for (const { id, key } of manifest.packs ?? [])
    if (!keys[key]) return `says that ${packKey(id as never)} has key ${key}; it has ${keys.length} keys`;
  for (const { id, bytes, usedBytes } of manifest.version === 1 ? manifest.packs : [])
    if (usedBytes > bytes)
      return `says that it uses ${usedBytes} bytes of ${packKey(id as never)}, which has ${bytes}`;
  return undefined;
}

function problemOf({ attributes, partitions, kind, wholeBytes }: CatalogDataset): string | undefined {
  const twice = firstTwice(partitions.map(({ name }) => name));
  if (twice !== undefined) return `which has two partitions named '${twice}'`;
  const plainBytes = partitions.reduce((sum, { root }) => sum + (root?.plainBytes ?? 0), 0);
  const added = attributes['finalNewline'] === false ? 1 : 0;
  if (plainBytes < added) return 'which is empty but claims to lack a final newline';
  const { sizeBytes } = attributes;
  if (sizeBytes !== undefined && sizeBytes !== plainBytes - added)
    return `which claims to have had ${JSON.stringify(sizeBytes)} bytes; it holds ${plainBytes - added}`;
  if (wholeBytes !== undefined && (kind !== 'data' || wholeBytes > plainBytes))
    return `of ${plainBytes} bytes, which claims to take ${wholeBytes} when stored`;
  return undefined;
}

/** @throws E_DAMAGED if the catalog holds something other than the manifest says */
function verifyTotals({ manifest: { key, totals }, catalog, figures }: BackupReader): void {
  const data = catalog.datasets.filter(({ kind }) => kind === 'data');
  const roots = data.flatMap(({ partitions }) => partitions.flatMap(({ root }) => root ?? []));
  const sum = (count: 'records' | 'plainBytes' | 'chunks') =>
    roots.reduce((total, root) => total + root[count], 0);
  const found = {
    datasets: data.length,
    records: sum('records'),
    plainBytes: sum('plainBytes'),
    chunks: sum('chunks'),
  };
  const { datasets, records, plainBytes } = totals;
  const says = { datasets, records, plainBytes, chunks: figures.chunks };
  for (const [name, count] of Object.entries(found)) {
    const said = says[name as keyof typeof found];
    if (said !== count)
      throw new HoldfastError('E_DAMAGED', `${key} says ${name} ${said}, its catalog holds ${count}`);
  }
}

function firstTwice(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  return names.find((name) => seen.has(name) || !seen.add(name));
}
