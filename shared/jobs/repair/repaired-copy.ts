import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { SOFTWARE } from '../../core/version.ts';
import type { CatalogDataset } from '../../format/catalog.ts';
import type { DatasetFigures } from '../../repository/reading/dataset-figures.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupWriter } from '../../repository/writing/backup-writer.ts';
import type { ChunkToCopy } from '../../repository/writing/chunk-copier.ts';
import { verifyBackups } from '../verify/verify.ts';
import type { SalvagedBackup } from './salvaged-backup.ts';

/**
 * Writes the same backup again, of the same type and moment, from chunks wherever they can be read. Nothing
 * of it is in damaged packs: what can be read there is stored again.
 *
 * @param backup one without missing parts
 * @throws E_VERIFY_FAILED if the copy is not whole
 */
export async function writeWholeCopy(
  repository: Repository,
  backup: SalvagedBackup,
  { isDamaged, signal }: { readonly isDamaged: (pack: string) => boolean; readonly signal: AbortSignal },
): Promise<BackupKey> {
  const { manifest, catalog } = backup.reader;
  const { type, source, consistency, window, imported } = manifest;
  await using writer = await repository.beginBackup({
    type,
    note: `whole copy of ${manifest.key}${manifest.note === undefined ? '' : `: ${manifest.note}`}`,
    source,
    imported,
    parent: undefined,
    spoiltPacks: new Set(),
    copyOf: manifest,
    software: SOFTWARE,
    onWarning: () => {},
    onStored: () => {},
    signal,
  });
  for (const dataset of catalog.datasets) {
    for (const { name: partition } of dataset.partitions)
      await copy(writer, backup, { dataset, partition, isDamaged, signal });
  }
  const { server, position, omitted, datasets } = catalog;
  const {
    manifest: { key },
  } = await writer.commit({
    server,
    position,
    omitted,
    datasets,
    consistency,
    window: window && { from: new Date(window.from), to: new Date(window.to) },
    judge: (written) => {
      refuseLoss(written, manifest.totals.records);
      return catalog.suspect;
    },
  });
  await prove(repository, key as BackupKey, signal);
  return key as BackupKey;
}

async function copy(
  writer: BackupWriter,
  backup: SalvagedBackup,
  options: {
    readonly dataset: CatalogDataset;
    readonly partition: string;
    readonly isDamaged: (pack: string) => boolean;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { dataset, partition, isDamaged, signal } = options;
  async function* chunks(): AsyncGenerator<ChunkToCopy> {
    for await (const piece of backup.pieces(dataset.name, partition, signal)) {
      if (piece.kind === 'lost') throw new HoldfastError('E_DAMAGED', piece.problem);
      const { reader, ref } = piece;
      const isToMove = ref.chain.some(({ pack }) => isDamaged(pack.id ?? ''));
      const plain = async () => (await reader.decode([ref], { digest: false, signal })).plain;
      yield { ref, backup: reader, plain: isToMove ? plain : undefined };
    }
  }
  await writer.share.copyPartition(dataset, partition, chunks);
}

function refuseLoss(written: readonly DatasetFigures[], wanted: number): void {
  const data = written.filter(({ kind }) => kind === 'data');
  const records = data.reduce((sum, dataset) => sum + dataset.records, 0);
  if (records !== wanted) throw new HoldfastError('E_INTERNAL', `a copy has ${records} of ${wanted} records`);
}

async function prove(repository: Repository, key: BackupKey, signal: AbortSignal): Promise<void> {
  const { findings } = await verifyBackups(repository, [key], { depth: { kind: 'full' }, signal });
  const [finding] = findings;
  if (finding) throw new HoldfastError('E_VERIFY_FAILED', `the copy ${key} is not whole: ${finding.problem}`);
}
