/** What there is in the small protocol of writers and prunes (prune-model.ts): how many of each, and how long all takes. */
export interface Model {
  /** In ticks; half, a quarter and an eighth of it are given apart, as they must be whole. */
  readonly grace: number;
  readonly half: number;
  readonly quarter: number;
  readonly eighth: number;
  /** Ticks after which nothing is looked at. */
  readonly horizon: number;
  /** 1 or 2. The second may take the first's backup for its parent. */
  readonly writers: number;
  readonly prunes: number;
  /** Whether somebody holds the backup that was there. */
  readonly holds: boolean;
  /** A prune's list may lack manifests that were stored so many ticks ago, or fewer. */
  readonly lag: number;
  /** What is left out. */
  readonly without?: Mutation | undefined;
}

export type Mutation =
  /** Of a writer: its own packs are near each other. */
  | 'span'
  /** Of a writer: the backups that it names packs of are listed, or were until lately. */
  | 'others'
  /** Of a writer: its parent was not listed long after its last pack. */
  | 'parent'
  /** Of a prune: it removes nothing by a view of long ago. */
  | 'view'
  /** Of a writer: the look after the manifest was stored. */
  | 'last look'
  /** Of that: what passed between the last pack and the look before the manifest. */
  | 'stall before'
  /** Of a prune: a copy keeps what it names. */
  | 'copies'
  /** Of a prune: `backups/` is listed before `expired/`. */
  | 'order'
  /** Of a prune: packs younger than the grace stay. */
  | 'age'
  /** Of a prune: a backup is taken out soon after the clock was read. */
  | 'deadline'
  /** Of a prune: the copy of a held backup keeps what it names. */
  | 'held copies';

/** When something happened that did not. */
export const NEVER = -1000;
export const NOBODY = -1;

export interface Backup {
  listedAt: number;
  isHeld: boolean;
  /** When copies below `expired/` were stored. */
  copies: number[];
}

export interface Writer {
  at: 'begin' | 'first' | 'last' | 'check' | 'manifest' | 'look' | 'done' | 'ended';
  parent: number;
  beganAt: number;
  checkedAt: number;
}

export interface Prune {
  at: 'begin' | 'copy' | 'delay' | 'remove' | 'list' | 'list more' | 'sweep' | 'forget' | 'ended';
  now: number;
  victim: number;
  deadline: number;
  /** Backups, of what it listed first; bits. */
  seen: number;
  /** Packs to remove; bits. */
  sweep: number;
}

export interface State {
  now: number;
  backups: Backup[];
  /** When each was stored: the first backup's, then two of each writer. */
  packs: number[];
  writers: Writer[];
  prunes: Prune[];
  holder: 'begin' | 'look' | 'done' | 'ended';
}

export type Step = readonly [what: string, after: State];

export function packsOf(backup: number, { writers }: State): number[] {
  const writer = writers[backup - 1];
  if (!writer) return [0];
  const own = [2 * backup - 1, 2 * backup];
  return writer.parent === NOBODY ? own : [...own, ...packsOf(writer.parent, { writers } as State)];
}

export const isListed = ({ listedAt }: Backup) => listedAt > NEVER;

/** What nobody asks for any more is forgotten, so that fewer states differ. */
export function end(prune: Prune): void {
  Object.assign(prune, { at: 'ended', now: NEVER, victim: NOBODY, deadline: NEVER, seen: 0, sweep: 0 });
}

export function structuredCloneOf({ now, backups, packs, writers, prunes, holder }: State): State {
  return {
    now,
    backups: backups.map((one) => ({ ...one, copies: [...one.copies] })),
    packs: [...packs],
    writers: writers.map((one) => ({ ...one })),
    prunes: prunes.map((one) => ({ ...one })),
    holder,
  };
}

/** A step: a copy of the state that was changed. */
export function changed(what: string, state: State, change: (after: State) => void): Step {
  const after = structuredCloneOf(state);
  change(after);
  return [what, after];
}

export function bitsOf<T>(items: readonly T[], is: (item: T, index: number) => boolean): number {
  return items.reduce((bits, item, n) => (is(item, n) ? bits | (1 << n) : bits), 0);
}
