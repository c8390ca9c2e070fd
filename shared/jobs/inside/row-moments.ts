import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ChangeTransaction, RowChangeOfStream } from '../../sources/changes.ts';
import type { ChangePlugin } from '../../sources/plugin.ts';
import type { Fields, RowShape } from '../../sources/rows.ts';
import {
  type BaseAndStream,
  openBaseAndStream,
  transactionsAfter,
  valueDecoder,
} from '../changes/base-and-stream.ts';
import { contentsOf } from '../restore/contents.ts';
import { compareValues } from './compare-values.ts';
import { datasetNamed } from './read-rows.ts';
import { rowShapeOf } from './row-shape.ts';

/** What a transaction made of a row. */
export interface RowMoment {
  readonly transaction: string;
  /** By the server's clock, ISO in UTC with microseconds. */
  readonly committedAt: string;
  /** Null if the row is gone. */
  readonly row: Fields | null;
}

/** Which row, and between which backups. */
export interface RowMomentsOptions {
  /** Of the source's kind. */
  readonly changes: ChangePlugin;
  /** A base. */
  readonly from: BackupKey;
  /** The next backup; undefined: all that is stored. */
  readonly to: BackupKey | undefined;
  readonly dataset: string;
  /** Values of the key's columns, in their order. */
  readonly rowKey: readonly string[];
  /** The row as the base has it. */
  readonly row: Fields | null;
  readonly signal: AbortSignal;
}

/**
 * What the stored changes between two backups made of a row: a version for each transaction that left it otherwise.
 *
 * @throws E_NO_MOMENT if no stored changes lead from the one to the other; E_SOURCE_UNSUPPORTED if they do not say what rows hold;
 *   E_DAMAGED, E_STORE_*, E_ABORTED
 */
export async function* rowMoments(
  repository: Repository,
  options: RowMomentsOptions,
): AsyncGenerator<RowMoment> {
  const { changes, from, to, dataset: name, signal } = options;
  const decoder = await valueDecoder(changes, 'versions between backups');
  const join = to === undefined ? undefined : await joinOf(repository, to, signal);
  const { source } = await repository.readManifest(from, signal);
  const open = (at: string | undefined) =>
    openBaseAndStream(repository, decoder, {
      source,
      until: { at },
      compare: changes.compare,
      only: from,
      signal,
    });
  // If nothing was written since, what is stored may end before the later backup.
  const stream = await open(join?.at).catch((error: unknown) => {
    if (join && isHoldfastError(error, 'E_NO_MOMENT')) return open(undefined);
    throw error;
  });
  const contents = contentsOf(stream.reader);
  const shape = await rowShapeOf(contents, datasetNamed(contents, name), signal);
  const row = new FollowedRow(shape, options);
  for await (const transaction of transactionsAfter(repository, stream, signal)) {
    const isLater = join !== undefined && !decoder.hasTransaction(join, transaction);
    const changed = await row.follow(transaction, isLater);
    if (changed) yield { transaction: transaction.id, committedAt: transaction.committedAt, row: row.fields };
  }
}

/** @throws E_NO_MOMENT for a backup that no changes lead to */
async function joinOf(
  repository: Repository,
  key: BackupKey,
  signal: AbortSignal,
): Promise<BaseAndStream['chosen']['join']> {
  const { join } = (await repository.openBackup(key, signal)).catalog;
  if (join) return join;
  throw new HoldfastError('E_NO_MOMENT', `${key} does not say where it joins stored changes`);
}

class FollowedRow {
  fields: Fields | null;
  readonly #shape: RowShape;
  readonly #dataset: string;
  readonly #key: readonly string[];

  constructor(shape: RowShape, { dataset, rowKey, row }: RowMomentsOptions) {
    this.fields = row;
    this.#shape = shape;
    this.#dataset = dataset;
    this.#key = rowKey;
  }

  /** Reads a transaction to its end. @param isSkipped it counts for nothing. @returns whether the row is otherwise after it */
  async follow({ changes }: ChangeTransaction, isSkipped: boolean): Promise<boolean> {
    const before = JSON.stringify(this.fields);
    for await (const change of changes)
      if (!isSkipped && change.dataset === this.#dataset) this.#take(change);
    return JSON.stringify(this.fields) !== before;
  }

  #take({ kind, columns, before, after, unsaid }: RowChangeOfStream): void {
    if (unsaid !== undefined)
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `changes of ${this.#dataset} cannot be followed: ${unsaid}`,
      );
    if (kind === 'truncate') {
      this.fields = null;
      return;
    }
    const inOrder = (fields: typeof after) =>
      fields && this.#shape.columns.map(({ name }) => fields[columns.indexOf(name)]);
    const [was, is] = [inOrder(before), inOrder(after)];
    const wasIt = this.#isIt(was ?? (kind === 'update' ? is : undefined));
    if (is && this.#isIt(is)) {
      const earlier = wasIt && this.fields ? this.fields : (was ?? []);
      this.fields = is.map((field, i) => said(field === undefined ? earlier[i] : field, this.#dataset));
    } else if (wasIt) this.fields = null;
  }

  #isIt(fields: readonly (string | null | undefined)[] | undefined): boolean {
    if (!fields) return false;
    const { columns, key } = this.#shape;
    return key.every(
      (place, i) =>
        compareValues(fields[place] ?? null, this.#key[i] ?? null, columns[place]?.isNumber ?? false) === 0,
    );
  }
}

/** @throws E_SOURCE_UNSUPPORTED for what the stream does not say: a large value of a row that got this key */
function said(field: string | null | undefined, dataset: string): string | null {
  if (field !== undefined) return field;
  throw new HoldfastError(
    'E_SOURCE_UNSUPPORTED',
    `a row of ${dataset} got another key, and its large values are not said`,
  );
}
