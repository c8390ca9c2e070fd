import { HoldfastError } from '../../core/errors.ts';
import { DAY_MS } from '../../core/units.ts';
import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { Limits } from '../context.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import { isDamage } from '../reading/damage.ts';

/** In backups, and in days. docs/decisions/0011-parents.md gives the reasons. */
export const DEFAULT_REREAD_WITHIN = 30;
/** Packs are on a circle of this many places, by the first four digits of their ids. */
const PLACES = 65_536;

/** Chunks that are read again by one task. */
const CHUNKS_A_TASK = 4;

/** The part of the circle of packs in which one backup re-reads what it refers to. */
export interface RereadArc {
  readonly from: number;
  readonly length: number;
}

/**
 * What a backup re-reads of the data it takes from its parent: enough to read all of it within `rereadWithin`
 * backups, and within as many days. All of it, if something the parent took over was wrong, or if the parent
 * is that old. Undefined if nothing is read, because it may not be decrypted or re-reading is off.
 */
export function rereadArc(
  parent: Pick<Manifest, 'startedAt' | 'reread'> | undefined,
  {
    startedAt,
    rereadWithin: within,
    deltas,
  }: Pick<Limits, 'rereadWithin' | 'deltas'> & { readonly startedAt: Date },
): RereadArc | undefined {
  if (!parent || within === 0 || !deltas) return undefined;
  const { next, damaged } = parent.reread ?? { next: 0, damaged: 0 };
  const days = (startedAt.getTime() - new Date(parent.startedAt).getTime()) / DAY_MS;
  const share = damaged > 0 ? 1 : Math.min(1, Math.max(1, days) / within);
  return { from: next, length: Math.ceil(PLACES * share) };
}

/** What the manifest says about it, for the next backup. */
export function rereadOf(
  arc: RereadArc | undefined,
  damaged: number,
): Pick<Manifest, 'reread'> | Record<never, never> {
  if (!arc) return {};
  return { reread: { next: (arc.from + arc.length) % PLACES, damaged } };
}

/** Reads what a backup would otherwise refer to unread, and finds what differs from what its parent says. */
export class Reread {
  readonly #parent: BackupReader;
  readonly #arc: RereadArc;
  readonly #onFirst: (problem: Error) => void;
  readonly #signal: AbortSignal;
  #damaged = 0;

  constructor(
    parent: BackupReader,
    arc: RereadArc,
    options: { readonly onFirst: (problem: Error) => void; readonly signal: AbortSignal },
  ) {
    this.#parent = parent;
    this.#arc = arc;
    this.#onFirst = options.onFirst;
    this.#signal = options.signal;
  }

  /** Chunks, and parts of trees, of the parent that were found wrong. */
  get damaged(): number {
    return this.#damaged;
  }

  /** If one was wrong, the others are not trusted either. */
  isDue({ chain }: ChunkRef): boolean {
    if (this.#damaged > 0) return true;
    const { from, length } = this.#arc;
    const place = Number.parseInt(chain[0]?.pack.id?.slice(0, 4) ?? '', 16);
    return (place - from + PLACES) % PLACES < length;
  }

  /** References whose chain does not produce what they say. @throws E_STORE_*, E_KEY_* */
  async findWrong(refs: readonly ChunkRef[]): Promise<ReadonlySet<ChunkRef>> {
    const wrong = new Set<ChunkRef>();
    if (refs.length === 0 || !(await this.#problemOf(refs))) return wrong;
    for (const ref of refs) {
      const problem = await this.#problemOf([ref]);
      if (!problem) continue;
      wrong.add(ref);
      this.note(problem);
    }
    return wrong;
  }

  /** Records something of the parent that was found wrong elsewhere. */
  note(problem: Error): void {
    if (this.#damaged++ === 0) this.#onFirst(problem);
  }

  async #problemOf(refs: readonly ChunkRef[]): Promise<Error | undefined> {
    try {
      await this.#parent.prove(refs, this.#signal);
      return undefined;
    } catch (error) {
      if (!isDamage(error)) throw error;
      return error;
    }
  }
}

/** What is wrong was noted when it was found. */
export const ALREADY_NOTED = new HoldfastError('E_DAMAGED', 'is not what it claims to be');

/** @throws ALREADY_NOTED if one that is due to be read is wrong */
export async function refuseWrong(refs: readonly ChunkRef[], reread: Reread | undefined): Promise<void> {
  const due = reread ? refs.filter((ref) => reread.isDue(ref)) : [];
  for (let at = 0; at < due.length; at += CHUNKS_A_TASK)
    if ((await reread?.findWrong(due.slice(at, at + CHUNKS_A_TASK)))?.size) throw ALREADY_NOTED;
}

/** What to say when the first of a backup's data is found wrong. */
export function damageText({ manifest: { key } }: BackupReader, message: string): string {
  return `${key} IS DAMAGED: ${message}. Everything this backup would have taken from it is read, and stored again if it is wrong. Backups between the two may share the damage: run holdfast verify --all --full`;
}
