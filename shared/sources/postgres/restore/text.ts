import { decodeText } from '../../byte-text.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { DatasetRole } from '../datasets/attributes.ts';
import { parseToc, type TocEntry } from '../pg-dump/toc.ts';

/** The datasets of a role, in the backup's order. */
export function withRole(datasets: readonly StoredDataset[], role: DatasetRole): readonly StoredDataset[] {
  return datasets.filter(({ attributes }) => attributes['role'] === role);
}

/** All bytes of a dataset, one partition after the other. */
export async function* readDataset(
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (const partition of dataset.partitions) yield* contents.read(dataset, partition, signal);
}

/** A schema script whole; as large as the schema, not as the data. */
export async function readScript(
  contents: BackupContents,
  role: DatasetRole,
  signal: AbortSignal,
): Promise<string> {
  const blocks: Buffer[] = [];
  for (const dataset of withRole(contents.datasets, role)) {
    for await (const block of readDataset(contents, dataset, signal)) blocks.push(Buffer.from(block));
  }
  return decodeText(Buffer.concat(blocks));
}

const POST_DATA = new WeakMap<BackupContents, Promise<readonly TocEntry[]>>();

/** Indexes, constraints and triggers of a backup; read once, however often they are asked for. */
export function readPostData(contents: BackupContents, signal: AbortSignal): Promise<readonly TocEntry[]> {
  const known = POST_DATA.get(contents);
  if (known) return known;
  const entries = readScript(contents, 'post-data', signal).then((script) => parseToc(script).entries);
  POST_DATA.set(contents, entries);
  return entries;
}
