import { throwIfAborted } from '../../core/abort.ts';
import { Stopwatch } from '../../core/clock.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import type { RepositoryContext } from '../context.ts';
import { wrapForRecovery } from '../keys/recovery-wraps.ts';
import type { OwnPack, RunPacks } from '../packs/run-packs.ts';
import { isDamage } from '../reading/damage.ts';
import { figuresOfWritten, type WrittenFigures } from '../reading/dataset-figures.ts';
import { addCatalog } from './add-catalog.ts';
import type { BackupToCommit, DatasetToCommit } from './backup-to-write.ts';
import { refuseOutlived, withdrawStalled } from './commit-guard.ts';
import type { CommittedBackup } from './committed-backup.ts';
import { type Drafted, draftManifest } from './draft-manifest.ts';
import { putManifest } from './put-manifest.ts';
import { partitionName, type WrittenPartition, type WrittenShare } from './written-share.ts';

/**
 * Makes shares one backup: stores the catalog, then the manifest, and reads that back.
 *
 * @param packs for the catalog; the share's own, if that is not closed
 * @throws E_RUN_TOO_LONG, E_STORE_*, E_ABORTED, and what `judge` throws; then nothing is listed
 */
export async function commitShares(
  context: RepositoryContext,
  packs: RunPacks,
  shares: readonly WrittenShare[],
  options: BackupToCommit,
): Promise<CommittedBackup> {
  const { header, manifestKey, signal } = options;
  const written = partitionsOf(options.datasets, shares);
  const figures = options.datasets.map((dataset) => figuresOfWritten(dataset, written.get(dataset) ?? []));
  const suspect = options.judge(figures);
  const { chunks, newChunks, ...totals } = totalsOf(figures);
  const sealed = await sealedOf(context, options, { totals: { chunks, newChunks }, shares });
  const catalog = addCatalog(packs, options, { suspect, figures, written, sealed });
  const sinceLastPack = new Stopwatch(context.clock);
  const closed = await packs.close();
  throwIfAborted(signal);
  for (const problem of await wrapForRecovery(context, [...packs.made, manifestKey], signal))
    options.onWarning?.(problem);
  const own = [...shares.flatMap((share) => share.own), ...closed];
  const sequence = await options.sequence();
  const known = { shares, own, manifestKey: manifestKey.entry };
  const drafted = await draftManifest(context, options, {
    suspect,
    sequence,
    totals,
    figures: { chunks, newChunks },
    known,
    catalog,
  });
  const lastPack = await guard(context, shares, { closed, drafted, options });
  // Its key may have been replaced meanwhile: then nobody would trust the manifest.
  await context.keys.refuseReplaced(signal);
  const manifest = await putManifest(context, drafted.document, {
    startedAt: header.startedAt,
    parent: header.parent,
    macKey: manifestKey.plain,
    findOurs: options.findOurs,
    onListed: options.onListed,
    signal,
  });
  const { store, graceMs } = context;
  const key = manifest.key as BackupKey;
  const stalledMs = sinceLastPack.elapsedMs();
  await withdrawStalled(store, { key, lastPack, stalledMs, graceMs }, signal);
  return { manifest, figures: { chunks, newChunks } };
}

/** Undefined for format 1, which says it in the clear. No order if the older backup cannot be read. */
async function sealedOf(
  { lists }: RepositoryContext,
  { header, comparedWith, signal }: BackupToCommit,
  sealed: { readonly totals: CommittedBackup['figures']; readonly shares: readonly WrittenShare[] },
) {
  if (header.version === 1) return undefined;
  try {
    const before = comparedWith ? await lists.packs(comparedWith, signal) : [];
    return { ...sealed, before: before.map(({ id }) => id) };
  } catch (error) {
    if (!isDamage(error)) throw error;
    return { ...sealed, before: [] };
  }
}

type WrittenByDataset = ReadonlyMap<DatasetToCommit, readonly WrittenPartition[]>;

/** @throws E_INTERNAL if a partition was not written: a backup without it must not be listed */
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

/**
 * docs/reference/format.md, "Prune": own packs are those of all shares, and the objects of the list; the first and the last of each.
 *
 * @returns the pack of the catalog
 */
async function guard(
  { store, graceMs }: RepositoryContext,
  shares: readonly WrittenShare[],
  about: {
    readonly closed: readonly OwnPack[];
    readonly drafted: Drafted;
    readonly options: BackupToCommit;
  },
): Promise<PackId> {
  const { closed, drafted, options } = about;
  const runs = [...shares.map(({ own }) => own), [...closed, ...drafted.ofList]].filter(
    ({ length }) => length > 0,
  );
  const own = new Set<string>(runs.flat().map(({ id }) => id));
  const others = drafted.packs.every((id) => own.has(id)) ? [] : shares.flatMap(({ backups }) => backups);
  const [catalog, last] = [closed.at(-1), drafted.ofList.at(-1) ?? closed.at(-1)];
  if (!catalog || !last) throw new HoldfastError('E_INTERNAL', 'the catalog was not stored');
  const elapsedMs = await options.elapsedMs(last.id);
  const packs = runs.map((run) => run.map(({ id }) => id));
  const run = { others: [...new Set(others)], packs, elapsedMs, graceMs };
  await refuseOutlived(store, run, options.signal);
  return catalog.id;
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
