import { HoldfastError } from '../../../core/errors.ts';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import { isWithin, type NodePath, parsePath, showPath } from '../connection/paths.ts';
import { keysOfDataset, roleOf } from '../reading/datasets.ts';
import { linesOf } from '../reading/parent-records.ts';
import { CanonicalJson, recordLine } from '../text/json.ts';
import { comparePaths } from '../text/key-order.ts';
import { recordOfLine, type SelectedRecord } from '../text/record-parts.ts';
import { recordsOf } from '../text/records.ts';

/** A node of a backup and all below it. */
export interface Selection {
  readonly dataset: StoredDataset;
  /** From the dataset's node to the selection's: none if it is the dataset itself. */
  readonly below: NodePath;
  /** From the base of the backup. */
  readonly path: NodePath;
}

/** What is meant by names of datasets or a path; everything without either. */
export interface SelectionChoice {
  readonly datasets?: readonly string[] | undefined;
  readonly path?: string | undefined;
}

/** @throws E_NO_DATASET, E_USAGE */
export function select(
  contents: BackupContents,
  { datasets: names, path: text }: SelectionChoice,
): readonly Selection[] {
  const data = contents.datasets.filter(({ kind }) => kind === 'data');
  if (names !== undefined && text !== undefined)
    throw new HoldfastError('E_USAGE', 'either datasets can be named, or a path, not both', {
      hint: 'A dataset is the path of a top-level node: --path /characters.',
    });
  const path = text === undefined ? [] : parsePath(text, '--path');
  if (path.length > 0) return [selectPath(data, path)];
  return data
    .filter(({ name }) => names?.includes(name) ?? true)
    .map((dataset) => ({ dataset, below: [], path: keysOfDataset(dataset) }))
    .concat(missing(data, names));
}

function selectPath(data: readonly StoredDataset[], path: NodePath): Selection {
  const root = data.find((dataset) => roleOf(dataset) === 'root');
  if (root) return { dataset: root, below: path, path };
  const [name = ''] = path;
  const dataset = data.find((one) => roleOf(one) === 'node' && one.name === name);
  if (dataset) return { dataset, below: path.slice(1), path };
  throw new HoldfastError('E_NO_DATASET', `the backup has nothing at ${showPath(path)}`, {
    hint: '`holdfast show KEY` lists its top-level nodes.',
  });
}

function missing(data: readonly StoredDataset[], names: readonly string[] | undefined): readonly never[] {
  const unknown = names?.find((name) => !data.some((dataset) => dataset.name === name));
  if (unknown === undefined) return [];
  throw new HoldfastError('E_NO_DATASET', `the backup has no dataset '${unknown}'`, {
    hint: '`holdfast show KEY` lists them.',
  });
}

/** The records of a selection in order. @throws E_DAMAGED */
export async function* readSelection(
  contents: BackupContents,
  { dataset, below }: Selection,
  signal: AbortSignal,
): AsyncGenerator<SelectedRecord> {
  for await (const record of readRecords(contents, dataset, signal)) {
    const { path, value } = record;
    if (below.length === 0) yield record;
    else if (path.length > below.length && isWithin(path, below))
      yield recordAt(path.slice(below.length), value);
    else if (isWithin(below, path)) yield* recordsBelow(value, below.slice(path.length));
    else if (comparePaths(path, below) > 0) return;
  }
}

async function* readRecords(
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
): AsyncGenerator<SelectedRecord> {
  for (const partition of dataset.partitions) {
    for await (const bytes of linesOf(contents.read(dataset, partition, signal))) {
      yield recordOfLine(bytes.toString('utf8'));
    }
  }
}

/** A node inside of a record, as records of its own. */
function* recordsBelow(value: string, below: NodePath): Generator<SelectedRecord> {
  let found: string | undefined = value;
  for (const key of below) {
    const members: ReturnType<CanonicalJson['members']> =
      found === undefined ? undefined : new CanonicalJson(found).members();
    found = members?.find((member) => member.key === key)?.value;
  }
  if (found === undefined) return;
  for (const line of recordsOf(found, '')) yield recordOfLine(line);
}

function recordAt(path: readonly string[], value: string): SelectedRecord {
  return { path, value, line: recordLine(path.join('/'), value) };
}
