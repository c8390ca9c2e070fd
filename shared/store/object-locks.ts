import type { LockMode } from '../config/lock.ts';

/** Until when a store refuses to let anybody remove an object. */
export interface Retention {
  readonly until: Date;
  readonly mode: LockMode;
}

/**
 * The locks of a store that has them: S3's Object Lock. A lock is on the object version that is read under
 * its key, and stays on it when a delete hides it.
 *
 * All methods throw E_CONFIG if the bucket has no Object Lock, E_OBJECT_NOT_FOUND, E_STORE_*, E_ABORTED.
 */
export interface ObjectLocks {
  /** For people; the same as the store's. */
  readonly location: string;
  /** Undefined if there never was one; an expired one is returned. */
  retention(key: string, signal: AbortSignal): Promise<Retention | undefined>;
  /** Makes a lock, or extends it. @throws E_STORE_DENIED if it would end earlier, or have the weaker mode */
  retain(key: string, retention: Retention, signal: AbortSignal): Promise<void>;
  /** Whether the object has a legal hold: a lock without an end. */
  isHeld(key: string, signal: AbortSignal): Promise<boolean>;
  setHold(key: string, isHeld: boolean, signal: AbortSignal): Promise<void>;
}
