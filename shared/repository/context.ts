import type { StorageClasses } from '../config/storage.ts';
import type { Clock, Stopwatch } from '../core/clock.ts';
import type { Meter } from '../core/work-meter.ts';
import type { RepositoryFile } from '../format/repository-file.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { WorkerPool } from './codec/worker-pool.ts';
import type { KeyRing } from './keys/key-ring.ts';
import type { Signatures } from './keys/signatures.ts';
import type { PackLists } from './packs/pack-lists.ts';
import type { SegmentCache } from './reading/segment-cache.ts';

/** Limits on one process's work, from the configuration. */
export interface Limits {
  /** A larger manifest of format 2 has a separate list of its packs. */
  readonly manifestBytes: number;
  readonly packBytes: number;
  /** Packs being uploaded at once. */
  readonly maxUploads: number;
  /** Blocks of records being worked on at once. */
  readonly maxBlocks: number;
  /** zstd level; 0 stores raw. */
  readonly level: number;
  /** Whether chunks may be stored as deltas against the parent's, which must be read for it. */
  readonly deltas: boolean;
  /** What is taken from parents is read again within this many backups, and days; 0: never. */
  readonly rereadWithin: number;
}

/** What reading and writing a repository have in common. */
export interface RepositoryContext {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly file: RepositoryFile;
  readonly keys: KeyRing;
  /** Who signs, and whose signatures are trusted. */
  readonly signatures: Signatures;
  readonly pool: WorkerPool;
  /** Counts what the work of this thread takes. */
  readonly meter: Meter;
  readonly segments: SegmentCache;
  readonly lists: PackLists;
  readonly limits: Limits;
  /**
   * How long prune waits before it removes packs; a run may last at most half of it. 0: no limit, no wait.
   */
  readonly graceMs: number;
  readonly sinceOpened: Stopwatch;
  readonly storageClass: StorageClasses;
  /** Ids of the recovery keys in the configuration: no other is used. Empty: all in the repository. */
  readonly recoveryKeys: readonly string[];
  /** The repository's secret; needs the key. */
  secret(signal: AbortSignal): Promise<Uint8Array>;
}
