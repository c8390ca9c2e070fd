import { HoldfastError } from '../../core/errors.ts';
import type { BackupContents } from '../contents.ts';
import type { Exporter } from '../target.ts';
import { ofOneInstance } from './instances/instance-contents.ts';
import { firebaseOptions } from './restore/options.ts';
import { readSelection, type Selection, select } from './restore/selection.ts';
import type { SelectedRecord } from './text/record-parts.ts';
import { blocksOf } from './text/records.ts';
import { TreeText } from './text/tree-text.ts';

/**
 * A backup of Firebase, or a node of it, as one JSON document as Firebase exports and imports it, priorities included; or
 * the records of one node as they lie in the backup, a line each.
 */
export const exportFirebase: Exporter = async function* (whole, options) {
  const { format, path, instance, signal, ...choice } = firebaseOptions(options);
  const { contents, datasets } = ofOneInstance(whole, { datasets: choice.datasets, instance });
  const selections = select(contents, { datasets, path });
  if (format === 'json')
    yield* blocksOf(document(contents, selections, { isNode: path !== undefined, signal }));
  else if (format === 'ndjson') {
    const [only, ...others] = selections;
    if (!only || others.length > 0)
      throw new HoldfastError('E_USAGE', `ndjson takes one node, got ${selections.length}`, {
        hint: 'Name one with --dataset or --path, or export as json.',
      });
    yield* blocksOf(lines(readSelection(contents, only, signal)));
  } else
    throw new HoldfastError('E_USAGE', `a backup of Firebase has no ${format}`, {
      hint: 'Export it as json or ndjson.',
    });
};

/** One JSON document, however large: objects are opened and closed as the paths of the records go. */
async function* document(
  contents: BackupContents,
  selections: readonly Selection[],
  { isNode, signal }: { readonly isNode: boolean; readonly signal: AbortSignal },
): AsyncGenerator<string> {
  const writer = new TreeText();
  for (const selection of selections) {
    const above = isNode ? [] : selection.path;
    for await (const { path, value } of readSelection(contents, selection, signal))
      yield writer.add([...above, ...path], value);
  }
  yield `${writer.end()}\n`;
}

async function* lines(records: AsyncIterable<SelectedRecord>): AsyncGenerator<string> {
  for await (const { line } of records) yield line;
}
