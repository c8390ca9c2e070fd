import { HoldfastError } from '../../../core/errors.ts';
import { bytes } from '../../../core/human.ts';
import type { BackupKey } from '../../../core/ids.ts';
import { plural } from '../../../core/plural.ts';
import { KiB } from '../../../core/units.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../../sources/contents.ts';
import { KINDS, pluginOf } from '../../../sources/registry.ts';
import { splitRecords } from '../../../sources/rows.ts';
import type { FactsOfTables } from '../../../sources/table-facts.ts';
import { contentsOf } from '../../restore/contents.ts';
import { derivedContents } from '../../restore/derived-contents.ts';
import { type ChosenRows, type ClosureOptions, closureOf } from './closure.ts';
import type { RowBits } from './row-bits.ts';
import type { SubsetChoice } from './subset-choice.ts';

const BLOCK_BYTES = 256 * KiB;
const NEWLINE = Buffer.from('\n');

/** How much of a dataset a subset has. */
export interface SubsetDataset {
  readonly dataset: string;
  readonly records: number;
  /** Records of the backup. */
  readonly of: number;
}

/** A part of a backup in which every row has what it refers to. */
export interface Subset {
  readonly key: BackupKey;
  /** Tables, in the order of the backup. */
  readonly datasets: readonly SubsetDataset[];
  readonly warnings: readonly string[];
  /** The backup as if it held nothing else. */
  readonly contents: BackupContents;
}

/**
 * Computes which rows a subset consists of. Reads the backup, writes nothing. In memory there are a bit for each record, 16 to 32
 * bytes for each different key that chosen rows refer to, and up to 128 MiB of keys of tables.
 *
 * @throws E_USAGE for a choice that cannot be, a kind of database without references, or more keys than `mostKeys`; E_NO_BACKUP,
 *   E_NO_DATASET, E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function chooseSubset(
  repository: Repository,
  key: BackupKey,
  choice: SubsetChoice,
  options: ClosureOptions,
): Promise<Subset> {
  const contents = contentsOf(await repository.openBackup(key, options.signal));
  const facts = await factsOf(contents, options.signal);
  const { chosen, warnings } = await closureOf(contents, facts, choice, options);
  const datasets = contents.datasets.flatMap(({ name, records }) => {
    const bits = chosen.get(name);
    return bits ? [{ dataset: name, records: sumOf(bits, 'count'), of: records }] : [];
  });
  return {
    key,
    datasets,
    warnings: [...warnings, ...wholeWarning(datasets, contents), ...largeObjects(facts)],
    contents: subsetContents(contents, chosen),
  };
}

/** `choose 120 of 5,000 rows of 12 tables`, for a plan. */
export function subsetStep({ datasets }: Pick<Subset, 'datasets'>): string {
  const { records, of } = totalOf(datasets);
  return `choose ${records.toLocaleString('en')} of ${plural(of, 'row')} of ${plural(datasets.length, 'table')}`;
}

function totalOf(datasets: readonly SubsetDataset[]) {
  return {
    records: datasets.reduce((sum, { records }) => sum + records, 0),
    of: datasets.reduce((sum, { of }) => sum + of, 0),
  };
}

/** A subset that nobody would call one, with its size. */
function wholeWarning(datasets: readonly SubsetDataset[], contents: BackupContents): readonly string[] {
  const { records, of } = totalOf(datasets);
  if (records === 0) return ['no row is chosen: the tables will be empty'];
  if (records < of) return [];
  const names = new Set(datasets.map(({ dataset }) => dataset));
  const size = contents.datasets.reduce((sum, one) => sum + (names.has(one.name) ? one.plainBytes : 0), 0);
  return [`the subset is the whole database: all ${plural(of, 'row')} are chosen, ${bytes(size)}`];
}

function largeObjects({ leftOut }: FactsOfTables): readonly string[] {
  const names = leftOut.filter(({ records }) => records > 0).map(({ name }) => name);
  return names.length === 0
    ? []
    : [`${names.join(', ')} are restored whole: which rows refer to them cannot be known`];
}

async function factsOf(contents: BackupContents, signal: AbortSignal): Promise<FactsOfTables> {
  const { displayName, factsReader } = pluginOf(contents.sourceKind);
  if (factsReader) return (await factsReader())(contents, signal);
  const known = KINDS.flatMap((kind) => (kind.factsReader ? [kind.displayName] : []));
  throw new HoldfastError('E_USAGE', `backups of ${displayName} have no references between rows`, {
    hint: `Subsets are made of ${known.join(' and ')}; of others, restore with --dataset.`,
  });
}

/** What is no table comes whole. */
function subsetContents(contents: BackupContents, chosen: ChosenRows): BackupContents {
  const bitsOf = new Map<string, RowBits>();
  const placeOf = (dataset: string, partition: string) => JSON.stringify([dataset, partition]);
  const datasets = contents.datasets.map((dataset): StoredDataset => {
    const bits = chosen.get(dataset.name);
    if (!bits) return dataset;
    const partitions = dataset.partitions.map(({ name }, i) => {
      const own = bits[i];
      if (own) bitsOf.set(placeOf(dataset.name, name), own);
      return { name, records: own?.count ?? 0, plainBytes: own?.plainBytes ?? 0 };
    });
    return { ...dataset, records: sumOf(bits, 'count'), plainBytes: sumOf(bits, 'plainBytes'), partitions };
  });
  return derivedContents(contents, datasets, async function* (dataset, partition, signal) {
    const bits = bitsOf.get(placeOf(dataset.name, partition.name));
    const blocks = () => contents.read(dataset, partition, signal);
    if (!bits) yield* blocks();
    else if (bits.count > 0) yield* chosenOf(blocks(), bits);
  });
}

/** Ends with the last chosen record: what follows is not read. */
async function* chosenOf(blocks: AsyncIterable<Uint8Array>, bits: RowBits): AsyncGenerator<Uint8Array> {
  let [block, bytes, place, found]: [Uint8Array[], number, number, number] = [[], 0, 0, 0];
  for await (const record of splitRecords(blocks)) {
    if (!bits.has(place++)) continue;
    block.push(Buffer.from(record), NEWLINE);
    bytes += record.length + 1;
    if (++found === bits.count) break;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(block);
    [block, bytes] = [[], 0];
  }
  if (bytes > 0) yield Buffer.concat(block);
}

function sumOf(bits: readonly RowBits[], what: 'count' | 'plainBytes'): number {
  return bits.reduce((sum, one) => sum + one[what], 0);
}
