import { throwIfAborted } from '../core/abort.ts';
import { Stopwatch } from '../core/clock.ts';
import { HoldfastError } from '../core/errors.ts';
import type { BackupKey, PackId } from '../core/ids.ts';
import { KiB } from '../core/units.ts';
import { countSuspicions, encodeCatalog, rootEntry, type Suspect } from '../format/catalog.ts';
import type { ItemLocation, PackHandle } from '../format/chunk-ref.ts';
import { FORMAT_VERSION, MANIFEST_FORMAT, type Manifest } from '../format/manifest.ts';
import type { BackupToCommit, DatasetToCommit } from './backup-to-write.ts';
import { refuseOutlived, withdrawStalled } from './commit-guard.ts';
import type { RepositoryContext } from './context.ts';
import { figuresOfWritten, type WrittenFigures } from './dataset-figures.ts';
import type { RunKeyEntry } from './key-ring.ts';
import { type NewManifest, putManifest } from './put-manifest.ts';
import { wrapForRecovery } from './recovery-wraps.ts';
import { rereadOf } from './reread.ts';
import type { OwnPack, RunPacks } from './run-packs.ts';
import {
  packsOf,
  partitionName,
  sumById,
  type WrittenPartition,
  type WrittenShare,
} from './written-share.ts';

/**
 * Makes shares one backup: stores the catalog, then the manifest, and reads that back.
 *
 * @param packs where the catalog goes; of a share that is not closed, its own
 * @throws E_RUN_TOO_LONG, E_STORE_*, E_ABORTED, and what `judge` throws; nothing is listed then
 */
export async function commitShares(
  context: RepositoryContext,
  packs: RunPacks,
  shares: readonly WrittenShare[],
  options: BackupToCommit,
): Promise<Manifest> {
  const { header, manifestKey, signal } = options;
  const written = partitionsOf(options.datasets, shares);
  const figures = options.datasets.map((dataset) => figuresOfWritten(dataset, written.get(dataset) ?? []));
  const suspect = options.judge(figures);
  const { id, location } = addCatalog(packs, options, { suspect, figures, written });
  const sinceLastPack = new Stopwatch(context.clock);
  const closed = await packs.close();
  throwIfAborted(signal);
  for (const problem of await wrapForRecovery(context, [...packs.made, manifestKey], signal))
    options.onWarning?.(problem);
  const own = [...shares.flatMap((share) => share.own), ...closed];
  const listed = packsAndKeys(shares, { own, catalog: location, manifestKey: manifestKey.entry });
  const lastPack = await guard(context, shares, { closed, listed: listed.packs, options });
  const document: NewManifest = {
    format: MANIFEST_FORMAT,
    version: FORMAT_VERSION,
    software: header.software,
    repository: context.file.id,
    run: manifestKey.entry.run,
    type: header.type,
    ...(header.note === undefined ? {} : { note: header.note }),
    source: header.source,
    parent: header.parent?.key ?? null,
    ...rereadOf(
      header.reread,
      shares.reduce((total, { parentDamage }) => total + parentDamage, 0),
    ),
    ...(header.imported === undefined ? {} : { imported: header.imported }),
    ...(suspect ? { suspect: countSuspicions(suspect.findings) } : {}),
    consistency: options.consistency,
    ...(options.window === undefined ? {} : { window: windowOf(options.window) }),
    totals: { ...totalsOf(figures), storedBytes: own.reduce((total, { bytes }) => total + bytes, 0) },
    ...listed,
    catalog: { id, pack: named(location.pack), offset: location.offset, storedBytes: location.storedBytes },
  };
  const manifest = await putManifest(context, document, {
    startedAt: header.startedAt,
    parent: header.parent,
    macKey: manifestKey.plain,
    findOurs: options.findOurs,
    signal,
  });
  const { store, graceMs } = context;
  const key = manifest.key as BackupKey;
  const stalledMs = sinceLastPack.elapsedMs();
  await withdrawStalled(store, { key, lastPack, stalledMs, graceMs }, signal);
  return manifest;
}

type WrittenByDataset = ReadonlyMap<DatasetToCommit, readonly WrittenPartition[]>;

/** @throws E_INTERNAL where a partition was not written: a backup without it must not be listed */
function partitionsOf(
  datasets: readonly DatasetToCommit[],
  shares: readonly WrittenShare[],
): WrittenByDataset {
  const written = new Map<string, WrittenPartition>();
  for (const { partitions } of shares)
    for (const one of partitions) written.set(partitionName(one.dataset, one.partition), one);
  return new Map(
    datasets.map((dataset) => [
      dataset,
      dataset.partitions.map(({ name }) => {
        const found = written.get(partitionName(dataset.name, name));
        if (found) return found;
        throw new HoldfastError('E_INTERNAL', `partition ${name} of ${dataset.name} was not written`);
      }),
    ]),
  );
}

/** Encoded twice: the first time to learn how large it is, and so which pack it goes into. */
function addCatalog(
  packs: RunPacks,
  options: BackupToCommit,
  about: {
    readonly suspect: Suspect | undefined;
    readonly figures: readonly WrittenFigures[];
    readonly written: WrittenByDataset;
  },
) {
  const { suspect, written } = about;
  const wholeBytes = new Map(about.figures.map((one) => [one.name, one.wholeBytes]));
  const encode = (self: PackHandle) =>
    encodeCatalog({
      server: options.server,
      position: options.position,
      omitted: [...options.omitted],
      ...(suspect ? { suspect } : {}),
      datasets: [...written].map(([{ name, kind, attributes }, partitions]) => ({
        name,
        kind,
        attributes,
        ...(kind === 'data' ? { wholeBytes: wholeBytes.get(name) ?? 0 } : {}),
        partitions: partitions.map(({ partition, root }) => ({
          name: partition,
          root: root && rootEntry(root, self),
        })),
      })),
    });
  const size = encode(packs.packFor(0)).body.length;
  // Should the open pack be closed for it, references to that pack take more room than before.
  const { id, body } = encode(packs.packFor(2 * size + 64 * KiB));
  return { id, location: packs.addItem(body) };
}

function packsAndKeys(
  shares: readonly WrittenShare[],
  about: {
    readonly own: readonly OwnPack[];
    readonly catalog: ItemLocation;
    readonly manifestKey: RunKeyEntry;
  },
): Pick<Manifest, 'packs' | 'keys'> {
  const { own, catalog, manifestKey } = about;
  const keys: RunKeyEntry[] = [manifestKey];
  const mine = new Map<string, OwnPack>(own.map((pack) => [pack.id, pack]));
  const other = (id: string) => shares.map(({ others }) => others.get(id)).find((found) => found?.key);
  const used = sumById(new Map([[catalog.pack, catalog.storedBytes]]));
  for (const share of shares)
    for (const [id, bytes] of sumById(share.used)) used.set(id, (used.get(id) ?? 0) + bytes);
  const packs = packsOf(used, (id) => mine.get(id) ?? other(id), keys);
  return { packs: packs.map((pack) => ({ ...pack, usedBytes: Math.min(pack.usedBytes, pack.bytes) })), keys };
}

/** docs/format.md, "Prune": own packs are those of all shares, the first and the last of each. @returns the last */
async function guard(
  { store, graceMs }: RepositoryContext,
  shares: readonly WrittenShare[],
  about: {
    readonly closed: readonly OwnPack[];
    readonly listed: Manifest['packs'];
    readonly options: BackupToCommit;
  },
): Promise<PackId> {
  const { closed, listed, options } = about;
  const runs = [...shares.map(({ own }) => own), closed].filter(({ length }) => length > 0);
  const own = new Set<string>(runs.flat().map(({ id }) => id));
  const others = listed.every(({ id }) => own.has(id)) ? [] : shares.flatMap(({ backups }) => backups);
  const last = closed.at(-1);
  if (!last) throw new HoldfastError('E_INTERNAL', 'the catalog was not stored');
  const elapsedMs = await options.elapsedMs(last.id);
  const packs = runs.map((run) => run.map(({ id }) => id));
  const run = { others: [...new Set(others)], packs, elapsedMs, graceMs };
  await refuseOutlived(store, run, options.signal);
  return last.id;
}

function totalsOf(figures: readonly WrittenFigures[]) {
  const data = figures.filter(({ kind }) => kind === 'data');
  const sum = (key: 'chunks' | 'newChunks' | 'plainBytes' | 'records') =>
    data.reduce((total, dataset) => total + dataset[key], 0);
  return {
    datasets: data.length,
    records: sum('records'),
    plainBytes: sum('plainBytes'),
    chunks: sum('chunks'),
    newChunks: sum('newChunks'),
  };
}

function windowOf({ from, to }: { readonly from: Date; readonly to: Date }): Manifest['window'] {
  return { from: from.toISOString(), to: to.toISOString() };
}

function named({ id }: PackHandle): string {
  if (id) return id;
  throw new HoldfastError('E_INTERNAL', 'a pack was not closed');
}
