import { HoldfastError } from '../../core/errors.ts';
import type { BackupReader } from '../../repository/reading/backup-reader.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents } from '../../sources/contents.ts';
import { contentsOf } from '../restore/contents.ts';

/**
 * What a source may know about its last backup, so that it can leave unchanged data unread. In a write-only
 * repository it may compare trees and schema; data is never opened.
 */
export function parentContents(
  parent: BackupReader | undefined,
  { context }: Repository,
): BackupContents | undefined {
  if (!parent) return undefined;
  const contents = contentsOf(parent);
  if (context.limits.deltas) return contents;
  return {
    ...contents,
    read: (dataset, partition, signal) =>
      dataset.kind === 'data' ? refuse(dataset.name) : contents.read(dataset, partition, signal),
  };
}

// biome-ignore lint/correctness/useYield: it is read as any other, and gives nothing
async function* refuse(dataset: string): AsyncGenerator<Uint8Array> {
  throw new HoldfastError('E_KEY_DENIED', `${dataset} is not opened, as deltas are off`);
}
