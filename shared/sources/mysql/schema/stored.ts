import { decodeText } from '../../byte-text.ts';
import type { BackupContents } from '../../contents.ts';
import { SCHEMA } from '../datasets/attributes.ts';
import { parseSchema, type SchemaObject } from './objects.ts';

/** The schema that a backup holds. @throws E_DAMAGED */
export async function readStoredSchema(
  contents: BackupContents,
  signal: AbortSignal,
): Promise<readonly SchemaObject[]> {
  const blocks: Buffer[] = [];
  for (const dataset of contents.datasets.filter(({ name, kind }) => name === SCHEMA && kind === 'schema'))
    for (const partition of dataset.partitions)
      for await (const block of contents.read(dataset, partition, signal)) blocks.push(Buffer.from(block));
  return parseSchema(decodeText(Buffer.concat(blocks)));
}
