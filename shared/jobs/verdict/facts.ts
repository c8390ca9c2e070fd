import type { BackupKey } from '../../core/ids.ts';
import type { Expectation } from './expectation.ts';

/** The last backup of a source that has ended, whatever began it. What a person stopped does not count. */
export interface LastRun {
  /** `given-up`: its process died, and no end was recorded. */
  readonly outcome: 'succeeded' | 'suspect' | 'failed' | 'given-up';
  readonly at: Date;
  /** Why it failed: a code of docs/reference/errors.md. */
  readonly code: string | undefined;
  /** Its options, to ask for the same again. */
  readonly asked?: { readonly type?: string; readonly note?: string; readonly noParent?: boolean };
}

/** What the last proof of a source's stored changes came to. */
export interface ProofFacts {
  readonly outcome: 'equal' | 'different' | 'failed';
  readonly backup: BackupKey;
  /** Path of the report. */
  readonly report: string;
  /** Rows and datasets in which they differ. */
  readonly differing: number;
  readonly datasets: number;
  /** Why it failed: a code of docs/reference/errors.md. */
  readonly error: string | undefined;
}

/** What is known about one source: from the configuration, from its backups, or both. */
export interface SourceFacts {
  readonly name: string;
  readonly kind: string;
  /**
   * False: it only has backups. If nothing is configured at all, all sources of backups count as configured.
   */
  readonly isConfigured: boolean;
  readonly backups: number;
  /** Missing if none can be relied on; an imported one only if there is no other. */
  readonly newestGood:
    | { readonly key: BackupKey; readonly startedAt: Date; readonly isImported: boolean }
    | undefined;
  /** How old that may be. */
  readonly expected: Expectation;
  /** Suspect, and nobody has accepted them. */
  readonly waiting: readonly BackupKey[];
  /** A verification found damage. */
  readonly failed: readonly BackupKey[];
  /** A recovery key does not open them. */
  readonly uncovered: readonly BackupKey[];
  /** Dated long after they were stored. */
  readonly misdated: readonly BackupKey[];
  /** Undefined if none is known. */
  readonly lastRun: LastRun | undefined;
  /** When its oldest listed backup was made: the age of a proof that never was counts from then. */
  readonly firstAt: Date | undefined;
  /** When every byte of one of its backups was last read. */
  readonly verifiedAt: Date | undefined;
  /** When one of its backups was last restored and found equal. */
  readonly drilledAt: Date | undefined;
  /** The outcome of the last drill; undefined if there was none. */
  readonly drillOutcome: 'equal' | 'different' | 'failed' | undefined;
  /** The last comparison of one of its backups with the one before it and the stored changes; undefined if there was none. */
  readonly proof?: ProofFacts | undefined;
  /** Since when its backups are not compared with its stored changes, though they could be. */
  readonly unprovenSince?: Date | undefined;
  /**
   * Until when nobody can remove its newest good backup; null: it is not locked. Undefined: no locks are
   * configured, or nobody checked.
   */
  readonly lockedUntil: Date | null | undefined;
  /** Undefined: its changes are not backed up. */
  readonly changes?: ChangesFacts | undefined;
}

/** How far the changes of a source are stored that is backed up continuously. */
export interface ChangesFacts {
  /** All that was committed by then is stored. Undefined: nothing is, or it is not known. */
  readonly reachedAt: Date | undefined;
  /** How long ago that may be: the agreed recovery point. */
  readonly allowedMs: number;
  /** Why the newest changes cannot be restored. */
  readonly baseDue: string | undefined;
  /** Nobody polls it until somebody resumes it. */
  readonly isPaused: boolean;
  /** A recovery key does not open the newest of them. @default false */
  readonly isUncovered?: boolean;
  readonly damage: string | undefined;
  /** What could not be looked at. */
  readonly problem: string | undefined;
  /** Its backups can be compared with the stored changes: all of this kind can, or one of them was. */
  readonly isProvable: boolean;
}

/** A second place. */
export interface CopyFacts {
  readonly name: string;
  /** Number of backups that should be there but are not. */
  readonly missing: number;
  /** The same of change segments; none if nobody looked. */
  readonly missingSegments?: number | undefined;
  /** When the oldest of both began, or was stored. */
  readonly oldestMissingAt: Date | undefined;
  /** Why it could not be checked. */
  readonly problem: string | undefined;
}

/** A notification channel that could not be reached the last time. */
export interface FailingChannel {
  readonly name: string;
  readonly at: Date;
  readonly problem: string;
}

/** Everything that a verdict goes by. Whatever is missing here was not checked. */
export interface SafetyFacts {
  readonly at: Date;
  readonly sources: readonly SourceFacts[];
  /** Manifests that were read, and how many of them cannot be trusted. */
  readonly manifests: number;
  readonly damaged: number;
  /** False: no key proved that manifests and reports are Holdfast's. */
  readonly isProven: boolean;
  /** How old proofs may be, and how long a backup may be missing in a second place. */
  readonly allowed: { readonly verifyMs: number; readonly drillMs: number; readonly copyMs: number };
  /** False: ENABLE_BACKUPS turns backups off. */
  readonly isEnabled: boolean;
  /** Number of runs that were read; undefined: nobody checked. */
  readonly runs: number | undefined;
  /** Undefined: none are configured, or nobody checked. */
  readonly copies: readonly CopyFacts[] | undefined;
  /** What the bucket's rules would remove or archive; undefined: nobody checked. */
  readonly bucketDangers: readonly string[] | undefined;
  /** Schedules that are not on; undefined: nobody checked. */
  readonly schedulesOff: readonly string[] | undefined;
  /** Says nothing about safety; undefined: none are configured, or nobody checked. */
  readonly failingChannels?: readonly FailingChannel[] | undefined;
  /** What could not be checked, or could not be trusted: a sentence each. */
  readonly unread: readonly string[];
}
