import type { LockMode } from '../config/lock.ts';

/** Until when a store refuses to remove an object, whoever asks. */
export interface Retention {
  readonly until: Date;
  readonly mode: LockMode;
}

/**
 * The locks of a store that has them: S3's Object Lock. They are of the version of an object that is read under its key, and
 * stay on it when a delete hides it.
 *
 * All methods throw E_CONFIG where the bucket has no Object Lock, E_OBJECT_NOT_FOUND, E_STORE_*, E_ABORTED.
 */
export interface ObjectLocks {
  /** For people, as that of the store. */
  readonly location: string;
  /** Undefined where there never was one; one that is over is given as it is. */
  retention(key: string, signal: AbortSignal): Promise<Retention | undefined>;
  /** Makes a lock, or makes it end later. @throws E_STORE_DENIED where it would end earlier, or be of the weaker mode */
  retain(key: string, retention: Retention, signal: AbortSignal): Promise<void>;
  /** Whether a legal hold is on it: a lock without an end. */
  isHeld(key: string, signal: AbortSignal): Promise<boolean>;
  setHold(key: string, isHeld: boolean, signal: AbortSignal): Promise<void>;
}
