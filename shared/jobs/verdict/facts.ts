import type { BackupKey } from '../../core/ids.ts';
import type { Expectation } from './expectation.ts';

/** The last backup of a source that somebody or something began, and that is over. What a person stopped does not count. */
export interface LastRun {
  /** `given-up`: its process died, and no end was written. */
  readonly outcome: 'succeeded' | 'suspect' | 'failed' | 'given-up';
  readonly at: Date;
  /** Why it failed: a code of docs/reference/errors.md. */
  readonly code: string | undefined;
  /** What it was asked for, to ask for the same again. */
  readonly asked?: { readonly type?: string; readonly note?: string; readonly noParent?: boolean };
}

/** What is known of one source: of the configuration, of its backups, or of both. */
export interface SourceFacts {
  readonly name: string;
  readonly kind: string;
  /** False: there are only backups of it. If nothing is configured at all, all sources of backups count as configured. */
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
  /** When its oldest listed backup was made: the age of a proof that never was is counted from then. */
  readonly firstAt: Date | undefined;
  /** When every byte of one of its backups was last read. */
  readonly verifiedAt: Date | undefined;
  /** When one of its backups was last restored and found equal. */
  readonly drilledAt: Date | undefined;
  /** What became of the last drill; undefined if there was none. */
  readonly drillOutcome: 'equal' | 'different' | 'failed' | undefined;
  /** Until when nobody can remove its newest good backup; null: it is not locked. Undefined: no locks are configured, or nobody looked. */
  readonly lockedUntil: Date | null | undefined;
}

/** A second place. */
export interface CopyFacts {
  readonly name: string;
  /** Backups that should be there and are not. */
  readonly missing: number;
  /** When the oldest of them began. */
  readonly oldestMissingAt: Date | undefined;
  /** Why it could not be looked at. */
  readonly problem: string | undefined;
}

/** A channel of notifications that could not be told the last time that it was tried. */
export interface FailingChannel {
  readonly name: string;
  readonly at: Date;
  readonly problem: string;
}

/** All that a verdict goes by. Whatever is not in here was not looked at. */
export interface SafetyFacts {
  readonly at: Date;
  readonly sources: readonly SourceFacts[];
  /** Manifests that were read, and those of them that cannot be relied on. */
  readonly manifests: number;
  readonly damaged: number;
  /** False: no key proved that manifests and reports are Holdfast's. */
  readonly isProven: boolean;
  /** How old proofs may be, and how long a backup may be missing in a second place. */
  readonly allowed: { readonly verifyMs: number; readonly drillMs: number; readonly copyMs: number };
  /** False: backups are switched off by ENABLE_BACKUPS. */
  readonly isEnabled: boolean;
  /** Runs of the history that were read; undefined: nobody looked. */
  readonly runs: number | undefined;
  /** Undefined: none are configured, or nobody looked. */
  readonly copies: readonly CopyFacts[] | undefined;
  /** What rules of the bucket would remove or archive; undefined: nobody looked. */
  readonly bucketDangers: readonly string[] | undefined;
  /** Schedules that do not fire; undefined: nobody looked. */
  readonly schedulesOff: readonly string[] | undefined;
  /** They say nothing of how safe anything is; undefined: none are configured, or nobody looked. */
  readonly failingChannels?: readonly FailingChannel[] | undefined;
  /** What could not be looked at, or could not be believed: a sentence each. */
  readonly unread: readonly string[];
}
