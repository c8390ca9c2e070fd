import { DAY_MS, KiB } from '../../../core/units.ts';
import { isScratchName, leftoverOf, markText, type ScratchMark, scratchName } from '../../scratch.ts';
import type { Answer, FirebaseConnection } from '../connection/connection.ts';
import { type NodePath, showPath } from '../connection/paths.ts';
import { listKeys } from '../reading/key-listing.ts';
import { refuseValuesAbove } from '../restore/conflicts.ts';
import { removeNode } from '../restore/remove-node.ts';

/** Holds a mark for each drill that goes on, under the name of the drill's node, which lies beside this one. */
const MARKS = 'holdfast_drills';
const MOST_MARK_BYTES = 4 * KiB;
const QUIETLY = { print: 'silent', disableTriggers: 'true' } as const;

/** Which nodes of a database are drills'. A mark is written before its node is, and removed after it. */
export class ScratchMarks {
  readonly #connection: FirebaseConnection;
  readonly #base: NodePath;

  /** @param base the node below which drills make theirs */
  constructor(connection: FirebaseConnection, base: NodePath) {
    this.#connection = connection;
    this.#base = base;
  }

  /** @throws E_TARGET_NOT_EMPTY if a drill would overwrite a value */
  async checkPlace(signal: AbortSignal): Promise<void> {
    await refuseValuesAbove(this.#connection, [this.#markOf('any')], signal);
  }

  /** @throws E_SOURCE_*; the mark may be there then, and is removed by a later drill */
  async write(mark: ScratchMark, signal: AbortSignal): Promise<void> {
    const body = JSON.stringify({ mark: markText(mark), at: mark.at.toISOString() });
    const path = this.#markOf(scratchName(mark));
    await this.#connection.ask({ method: 'PUT', path, query: QUIETLY, body }, () => {}, signal);
  }

  async remove(name: string, signal: AbortSignal): Promise<void> {
    const path = this.#markOf(name);
    await this.#connection.ask({ method: 'DELETE', path, query: QUIETLY }, () => {}, signal);
  }

  /** There is no session that could be asked whether the drill lives: a day is longer than it does. */
  async removeLeftovers(
    { repository, at }: ScratchMark,
    onWarning: (message: string) => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (const name of await listKeys(this.#connection, [...this.#base, MARKS], { signal })) {
      if (!isScratchName(name)) continue;
      const { mark, startedMs } = await this.#read(name, signal);
      if (leftoverOf(name, mark, repository) === undefined) continue;
      if (!(at.getTime() - startedMs >= DAY_MS)) continue;
      const node = [...this.#base, name];
      await removeNode(this.#connection, node, { signal });
      await this.remove(name, signal);
      onWarning(`removed ${showPath(node)}, which a drill had left that did not end`);
    }
  }

  #read(name: string, signal: AbortSignal): Promise<ReadMark> {
    const ask = { method: 'GET', path: this.#markOf(name), mostBytes: () => MOST_MARK_BYTES } as const;
    return this.#connection.ask(ask, markOf, signal);
  }

  #markOf(name: string): NodePath {
    return [...this.#base, MARKS, name];
  }
}

interface ReadMark {
  readonly mark: string;
  /** NaN if not known. */
  readonly startedMs: number;
}

const NO_MARK: ReadMark = { mark: '', startedMs: Number.NaN };

/** What is no mark is somebody's. */
function markOf({ body, outcome }: Answer): ReadMark {
  if (outcome !== 'whole') return NO_MARK;
  try {
    const { mark, at } = JSON.parse(body.toString('utf8')) as Readonly<Record<string, unknown>>;
    if (typeof mark !== 'string' || typeof at !== 'string') return NO_MARK;
    return { mark, startedMs: Date.parse(at) };
  } catch {
    return NO_MARK;
  }
}
