import type { BackupContents, StoredDataset } from '../../contents.ts';
import { READ_LIMITS, type ReadLimits } from '../connection/read-limits.ts';
import { parseRecord } from '../text/json.ts';
import { TreeText } from '../text/tree-text.ts';
import { DATA_PARTITION, ETAGS_DATASET } from './datasets.ts';
import { ParentRecords, type StoredRecord } from './parent-records.ts';

/** ETags of the parent at and below a path, by path. */
export type Etags = ReadonlyMap<string, string>;
/** Nothing is known of the parent. */
export const NO_ETAGS: Etags = new Map();

/** So many nodes are held against what the parent has of them: what they show does not get better with more. */
const MOST_COMPARISONS = 32;
/** A dataset with more records than this is not put together to be compared. */
const MOST_WHOLE_BYTES = 2 * READ_LIMITS.nodeBytes;

interface ParentOptions {
  readonly limits: ReadLimits;
  readonly onProblem: (error: Error) => void;
  readonly signal: AbortSignal;
}

/** What the last backup has of one dataset: its records and the ETags of its children, both taken in order. */
export class ParentDataset implements AsyncDisposable {
  readonly records: ParentRecords;
  /** Levels below the dataset's node. */
  readonly depth: number;
  /** Size of a child, if the whole is known to be more than one request may return. */
  readonly childBytes: number | undefined;
  /** Of the dataset's node. */
  readonly etag: string | undefined;
  readonly #plainBytes: number;
  readonly #etags: ParentRecords;
  #comparisons = 0;

  constructor(
    contents: BackupContents,
    dataset: StoredDataset,
    { limits, onProblem, signal }: ParentOptions,
  ) {
    const { records, plainBytes, attributes } = dataset;
    this.depth = Number(attributes['depth'] ?? 0);
    this.etag = attributes['etag'] === undefined ? undefined : String(attributes['etag']);
    this.#plainBytes = plainBytes;
    this.childBytes = plainBytes > 2 * limits.nodeBytes && records > 1 ? plainBytes / records : undefined;
    this.records = new ParentRecords(readPart(contents, dataset, DATA_PARTITION, signal), onProblem);
    const etags = contents.datasets.find(({ name }) => name === ETAGS_DATASET);
    this.#etags = new ParentRecords(readPart(contents, etags, dataset.name, signal), onProblem);
  }

  async hasEtags(): Promise<boolean> {
    return (await this.#etags.find([])) !== undefined;
  }

  /** ETags at and below a path; paths must be asked for in order. */
  async etagsUnder(path: string): Promise<Etags> {
    const keys = path.split('/');
    const found = new Map<string, string>();
    for (;;) {
      const note = await this.#etags.find(keys);
      if (!note) return found;
      this.#etags.take();
      const { value } = parseRecord(note.line.toString('utf8').trimEnd());
      found.set(note.path.join('/'), String(JSON.parse(value)));
    }
  }

  /**
   * What the parent has of a node, if that is small and not too much was asked for; paths must be asked for
   * in order.
   */
  async valueAt(path: string): Promise<string | undefined> {
    if (this.#comparisons++ >= MOST_COMPARISONS) return undefined;
    if (path === '') return this.#plainBytes > MOST_WHOLE_BYTES ? undefined : this.#whole();
    const keys = path.split('/');
    const record = await this.records.find(keys);
    return record?.path.length === keys.length ? storedValue(record) : undefined;
  }

  /** The whole dataset, taken. */
  async #whole(): Promise<string | undefined> {
    const text = new TreeText();
    let whole = '';
    for (let next = await this.records.find([]); next; next = await this.records.find([])) {
      whole += text.add(next.path, storedValue(next));
      this.records.take();
    }
    return this.records.isBroken ? undefined : whole + text.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.records[Symbol.asyncDispose]();
    await this.#etags[Symbol.asyncDispose]();
  }
}

function storedValue({ line }: StoredRecord): string {
  return parseRecord(line.toString('utf8').trimEnd()).value;
}

async function* readPart(
  contents: BackupContents,
  dataset: StoredDataset | undefined,
  name: string,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const partition = dataset?.partitions.find((one) => one.name === name);
  if (dataset && partition) yield* contents.read(dataset, partition, signal);
}
