import { HoldfastError } from '../../core/errors.ts';
import { comparePaths } from './key-order.ts';
import { isWithin, type NodePath, showPath } from './paths.ts';
import type { SelectedRecord } from './selection.ts';

/**
 * The records of a backup that the target has not, or has otherwise; both in order.
 *
 * @param inTarget lines of the target's place, with their paths
 * @throws E_TARGET_NOT_EMPTY where the target holds what the backup has not, unless `mayHoldMore`
 */
export async function* stillToWrite(
  records: AsyncIterable<SelectedRecord>,
  inTarget: AsyncIterable<TargetRecord>,
  { place, mayHoldMore }: { readonly place: NodePath; readonly mayHoldMore: boolean },
): AsyncGenerator<SelectedRecord> {
  const onForeign = (path: readonly string[]): void => {
    if (!mayHoldMore) throw foreign([...place, ...path]);
  };
  await using target = new TargetCursor(inTarget, onForeign);
  for await (const record of records) {
    await target.moveTo(record.path);
    if (!(await target.takeSame(record))) yield record;
  }
  await target.moveToEnd();
}

type TargetRecord = Pick<SelectedRecord, 'path' | 'line'>;

/** The target's records in order, told apart: those of the backup, parts of such, and foreign ones. */
class TargetCursor implements AsyncDisposable {
  readonly #records: AsyncIterator<TargetRecord>;
  readonly #onForeign: (path: readonly string[]) => void;
  #next: TargetRecord | undefined;
  #isOver = false;
  /** The next one is a node of which the backup has the children as records: a part of it was written. */
  #isPartial = false;

  constructor(records: AsyncIterable<TargetRecord>, onForeign: (path: readonly string[]) => void) {
    this.#records = records[Symbol.asyncIterator]();
    this.#onForeign = onForeign;
  }

  /** Passes over what comes before a path. */
  async moveTo(path: readonly string[]): Promise<void> {
    for (let next = await this.#peek(); next; next = await this.#peek()) {
      if (isWithin(path, next.path) || comparePaths(next.path, path) >= 0) return;
      this.#passOver(next);
    }
  }

  async moveToEnd(): Promise<void> {
    for (let next = await this.#peek(); next; next = await this.#peek()) this.#passOver(next);
  }

  /** Whether the target has this record as it is; what it has of it in another form will be overwritten. */
  async takeSame({ path, line }: SelectedRecord): Promise<boolean> {
    const next = await this.#peek();
    if (next?.line === line) {
      this.#next = undefined;
      return true;
    }
    if (next && next.path.length < path.length && isWithin(path, next.path)) this.#isPartial = true;
    for (let at = next; at && isWithin(at.path, path); at = await this.#peek()) this.#next = undefined;
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records.return?.();
  }

  #passOver({ path }: TargetRecord): void {
    if (!this.#isPartial) this.#onForeign(path);
    this.#next = undefined;
    this.#isPartial = false;
  }

  async #peek(): Promise<TargetRecord | undefined> {
    if (this.#next || this.#isOver) return this.#next;
    const { done, value } = await this.#records.next();
    if (done) this.#isOver = true;
    else this.#next = value;
    return this.#next;
  }
}

function foreign(path: NodePath): HoldfastError {
  return new HoldfastError(
    'E_TARGET_NOT_EMPTY',
    `the target holds ${showPath(path)}, which is not in the backup: it does not hold a part of this backup only`,
    { hint: 'Pass --merge as well to keep it, or --replace to remove all that is there first.' },
  );
}
