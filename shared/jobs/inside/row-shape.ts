import { decodeText } from '../../sources/byte-text.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import { pluginNamed } from '../../sources/registry.ts';
import type { RowShape, ValueForm } from '../../sources/rows.ts';

/** Of what has no columns, or is of a kind that this release does not know: a record is a row. */
const LINES: RowShape = {
  columns: [{ name: 'record', type: 'text', isNumber: false }],
  key: [],
  parse: (record) => [decodeText(record)],
};

/** How a dataset is read as rows. @throws E_DAMAGED, E_USAGE for values that cannot be written as text */
export async function rowShapeOf(
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
  form: ValueForm = 'shown',
): Promise<RowShape> {
  const reader = await pluginNamed(contents.sourceKind)?.rowReader?.();
  return (await reader?.(contents, dataset, signal, form)) ?? LINES;
}
