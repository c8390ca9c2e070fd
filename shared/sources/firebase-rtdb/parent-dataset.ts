import type { BackupContents, StoredDataset } from '../target.ts';
import { DATA_PARTITION, ETAGS_DATASET } from './datasets.ts';
import { parseRecord } from './json.ts';
import { MOST_NODE_BYTES } from './node-reads.ts';
import { ParentRecords } from './parent-records.ts';

/** What the last backup has of one dataset: its records and the ETags of its children, both taken in order. */
export class ParentDataset implements AsyncDisposable {
  readonly records: ParentRecords;
  /** Levels below the dataset's node. */
  readonly depth: number;
  /** Of a child, where the whole is known to be more than one request may bring. */
  readonly childBytes: number | undefined;
  readonly #etags: ParentRecords;

  constructor(
    contents: BackupContents,
    dataset: StoredDataset,
    { onProblem, signal }: { readonly onProblem: (error: Error) => void; readonly signal: AbortSignal },
  ) {
    const { records, plainBytes, attributes } = dataset;
    this.depth = Number(attributes['depth'] ?? 0);
    this.childBytes = plainBytes > 2 * MOST_NODE_BYTES && records > 1 ? plainBytes / records : undefined;
    this.records = new ParentRecords(readPart(contents, dataset, DATA_PARTITION, signal), onProblem);
    const etags = contents.datasets.find(({ name }) => name === ETAGS_DATASET);
    this.#etags = new ParentRecords(readPart(contents, etags, dataset.name, signal), onProblem);
  }

  async hasEtags(): Promise<boolean> {
    return (await this.#etags.find([])) !== undefined;
  }

  /** ETags at and below a path; paths must be asked for in order. */
  async etagsUnder(path: string): Promise<ReadonlyMap<string, string>> {
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.records[Symbol.asyncDispose]();
    await this.#etags[Symbol.asyncDispose]();
  }
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
