import type { ChangeReplay, ReplayOptions } from './changes.ts';
import type { BackupContents } from './contents.ts';
import type { RestoreOptions, Target } from './target.ts';

/** Who makes a scratch target. Written on it, so that only its own maker's leftovers are ever removed. */
export interface ScratchMark {
  /** Repository id. */
  readonly repository: string;
  /** Id of this drill, 32 hex digits. */
  readonly run: string;
  readonly at: Date;
  /** What somebody wants a place to be called that is to stay: no drill removes it. @default a name of the drill's own */
  readonly name?: string;
}

/** How the schema of a scratch target compares with that of the backup. */
export interface SchemaComparison {
  /**
   * - `equal`, `different`: object by object, by their definitions.
   * - `names`: every object is there by name; definitions could not be compared, `why` says so.
   * - `none`: this kind of source has no schema.
   */
  readonly outcome: 'equal' | 'different' | 'names' | 'none';
  readonly why?: string;
  readonly objects: number;
  /** Objects of the backup that the target has not. */
  readonly missing: readonly string[];
  /** Objects of the target that the backup has not. */
  readonly unexpected: readonly string[];
  /** Objects that are there and defined otherwise. */
  readonly changed: readonly string[];
}

/**
 * An empty place that a drill has made for itself, and that it removes. `test/contract/scratch-server.contract.ts` asks
 * every kind for the promises of this file.
 */
export interface Scratch {
  readonly target: Target;
  /** What the place is called, no secret in it. */
  readonly name: string;
  /** Product and version, such as `PostgreSQL 18.4`. */
  readonly server: string;
  /** How somebody removes it by hand: a command, no secret in it. */
  readonly removal: string;
  /** What the restore must leave out here, such as owners that the server has not. */
  readonly restoreOptions: Pick<RestoreOptions, 'noOwner' | 'noPrivileges'>;
  /** What is not as in the backup for that reason, one sentence each. */
  readonly leftOut: readonly string[];
  /** Applies changes to what was restored here. @default kinds without continuous backup have none @throws E_SOURCE_* */
  openReplay?(options: ReplayOptions): Promise<ChangeReplay>;
  /** Everything that differs by definition is in one of its lists. */
  compareSchema(contents: BackupContents, signal: AbortSignal): Promise<SchemaComparison>;
  /** Removes it, and nothing else; what is gone already is no failure. @throws E_SOURCE_* when it is still there */
  remove(signal: AbortSignal): Promise<void>;
  /** Takes the mark off: it is somebody's own place from then on. */
  keep(signal: AbortSignal): Promise<void>;
  /** Ends sessions and files, leaves the place alone. May be called twice. */
  close(): Promise<void>;
}

/** Where drills make their scratch targets. Constructed without I/O. */
export interface ScratchServer {
  readonly kind: string;
  /** No secret in it. */
  readonly name: string;
  /** The warning if the source of the backup is on the same server. */
  readonly sharedWarning: string;
  /** Whether the source of that name lives here too. */
  isServerOf(source: string): boolean;
  /**
   * What has that name already, as people call it, or else keeps a place from being made: empty if one can
   * be. @throws E_SOURCE_*
   */
  inTheWayOf(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /**
   * Makes an empty place of a new name; never uses, nor removes, one that is there. Before, removes what drills of the
   * same repository left that were killed: never what another repository made, what is kept, or what goes on.
   *
   * @throws E_SOURCE_*, E_TARGET_NOT_EMPTY, E_ABORTED; nothing is left then
   */
  make(
    contents: BackupContents,
    mark: ScratchMark,
    options: { readonly onWarning: (message: string) => void; readonly signal: AbortSignal },
  ): Promise<Scratch>;
}

const NAME = /^holdfast_drill_\d{8}t\d{6}_([0-9a-f]{8})$/;

/** The chosen name, or `holdfast_drill_20260301t020000_0f3c9a12`: when, in UTC, and the start of the run's id. */
export function scratchName({ run, at, name }: ScratchMark): string {
  if (name !== undefined) return name;
  const time = at.toISOString().replace(/[-:]/g, '').slice(0, 15).toLowerCase();
  return `holdfast_drill_${time}_${run.slice(0, 8)}`;
}

/** What a scratch database says of itself, so that a later drill knows it. */
export function markText({ repository, run, name }: Omit<ScratchMark, 'at'>): string {
  if (name !== undefined) return `Holdfast restores into it: repository ${repository}, run ${run}`;
  return `Holdfast drill, removed when it ends: repository ${repository}, run ${run}`;
}

const MARK = /^Holdfast drill, removed when it ends: repository ([0-9a-f]{32}), run ([0-9a-f]{32})$/;

/**
 * The run that left a place, if name and mark say that a drill of this repository made it; else undefined.
 */
export function leftoverOf(name: string, mark: string, repository: string): string | undefined {
  const [, ofRepository, run] = MARK.exec(mark) ?? [];
  const [, start] = NAME.exec(name) ?? [];
  if (run === undefined || ofRepository !== repository || start !== run.slice(0, 8)) return undefined;
  return run;
}

/** Whether a name is one that drills give. */
export function isScratchName(name: string): boolean {
  return NAME.test(name);
}
