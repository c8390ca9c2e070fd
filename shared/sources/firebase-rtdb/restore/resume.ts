import { HoldfastError } from '../../../core/errors.ts';
import { isWithin, type NodePath, showPath } from '../connection/paths.ts';
import { comparePaths } from '../text/key-order.ts';
import type { SelectedRecord } from '../text/record-parts.ts';
import { childRecords } from '../text/record-parts.ts';

/**
 * What of a backup the target lacks, or has otherwise, however both are cut into records; both in order. Of a
 * record that the target has in part, only the rest.
 *
 * @param inTarget records of the target's place
 * @throws E_TARGET_NOT_EMPTY if the target holds what the backup lacks, unless `mayHoldMore`
 */
export async function* stillToWrite(
  records: AsyncIterable<SelectedRecord>,
  inTarget: AsyncIterable<SelectedRecord>,
  { place, mayHoldMore }: { readonly place: NodePath; readonly mayHoldMore: boolean },
): AsyncGenerator<SelectedRecord> {
  for await (const { ours, theirs } of inStep(records, inTarget)) {
    if (!ours && theirs && !mayHoldMore) throw foreign([...place, ...theirs.path]);
    if (ours && ours.value !== theirs?.value) yield ours;
  }
}

interface Step {
  readonly ours?: SelectedRecord | undefined;
  readonly theirs?: SelectedRecord | undefined;
}

/** Both sides in order: what has the same path together, and the rest alone. */
async function* inStep(
  records: AsyncIterable<SelectedRecord>,
  inTarget: AsyncIterable<SelectedRecord>,
): AsyncGenerator<Step> {
  await using backup = new Cursor(records);
  await using target = new Cursor(inTarget);
  for (;;) {
    const ours = await backup.peek();
    const theirs = await target.peek();
    if (divide(backup, target, ours, theirs)) continue;
    const order = orderOf(ours, theirs);
    if (order === undefined) return;
    if (order <= 0) backup.take();
    if (order >= 0) target.take();
    yield { ours: order <= 0 ? ours : undefined, theirs: order >= 0 ? theirs : undefined };
  }
}

/** Below 0 if the first comes first; undefined if there are none left. */
function orderOf(a: SelectedRecord | undefined, b: SelectedRecord | undefined): number | undefined {
  if (a && b) return comparePaths(a.path, b.path);
  if (a) return -1;
  return b ? 1 : undefined;
}

/**
 * Splits a record into its children if the other side's next one is inside it, or differs at the same path.
 */
function divide(
  backup: Cursor,
  target: Cursor,
  ours: SelectedRecord | undefined,
  theirs: SelectedRecord | undefined,
): boolean {
  if (!ours || !theirs) return false;
  const isSame = ours.path.length === theirs.path.length && ours.value === theirs.value;
  if (isSame) return false;
  const hasOurs = isWithin(theirs.path, ours.path) && backup.divide();
  const hasTheirs = isWithin(ours.path, theirs.path) && target.divide();
  return hasOurs || hasTheirs;
}

/** Records in order, the next of which can be cut into its children. */
class Cursor implements AsyncDisposable {
  readonly #records: AsyncIterator<SelectedRecord>;
  /** The next ones, last first. */
  readonly #next: SelectedRecord[] = [];
  #isOver = false;

  constructor(records: AsyncIterable<SelectedRecord>) {
    this.#records = records[Symbol.asyncIterator]();
  }

  async peek(): Promise<SelectedRecord | undefined> {
    if (this.#next.length > 0 || this.#isOver) return this.#next.at(-1);
    const { done, value } = await this.#records.next();
    if (done) this.#isOver = true;
    else this.#next.push(value);
    return this.#next.at(-1);
  }

  /** Takes what `peek` gave. */
  take(): void {
    this.#next.pop();
  }

  /** Whether what `peek` gave had children, which are next now. */
  divide(): boolean {
    const record = this.#next.at(-1);
    const parts = record && childRecords(record);
    if (!parts) return false;
    this.#next.pop();
    this.#next.push(...parts.toReversed());
    return true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#records.return?.();
  }
}

function foreign(path: NodePath): HoldfastError {
  return new HoldfastError(
    'E_TARGET_NOT_EMPTY',
    `the target holds ${showPath(path)}, which the backup lacks: it does not hold a part of this backup only`,
    { hint: 'Pass --merge as well to keep it, or --replace to remove all existing data first.' },
  );
}
