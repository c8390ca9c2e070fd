import { HoldfastError } from '../core/errors.ts';
import type { OnProgress } from '../core/progress.ts';
import type { Repository } from '../repository/repository.ts';
import type { Source } from '../sources/source.ts';

export interface PlanOptions {
  /** 32 hex digits, chosen by the caller: the same for plan, shares and commit of one backup. */
  readonly run: string;
  /** @default 'manual' */
  readonly type?: string;
  readonly note?: string | undefined;
  /** About as many estimated bytes are read by one share; a partition is never cut. */
  readonly shareBytes: number;
  /** When the backup counts as begun; chooses its key. @default now */
  readonly startedAt?: Date;
  /** Reads everything, whatever the parent has of it. */
  readonly fullRead?: boolean;
  /** As of `runBackup`. */
  readonly allowEmpty?: boolean;
  readonly onProgress?: OnProgress;
  readonly signal: AbortSignal;
}

export interface PlannedShare {
  /** Counts from 0. */
  readonly share: number;
  /** From the source's statistics, or its last backup's size where the source is opened by the share itself. */
  readonly estimatedBytes: number;
  /** 0 where that is only known when the share opens the source. */
  readonly partitions: number;
}

/** A planned backup. Where `mustBeHeld`, it must stay open until all shares were read: `holdSnapshot`. */
export interface BackupPlan extends AsyncDisposable {
  readonly run: string;
  readonly shares: readonly PlannedShare[];
  readonly mustBeHeld: boolean;
  /** Asks whether the view still stands; nothing to ask where it need not be held. @throws E_SOURCE_LOST, E_ABORTED */
  check(signal: AbortSignal): Promise<void>;
}

/** Whether backups of a source in several processes need one that holds its view open meanwhile. */
export function mustBeHeld(source: Source): boolean {
  return source.kind === 'postgres';
}

/**
 * Plans a backup whose shares are read by other processes: opens the source's view, finds the parent, and puts the sealed plan
 * at `runs/<run>/plan`. Repeatable: a plan that is there is returned, unless its view is held by somebody else.
 *
 * @throws E_RUN_TAKEN, E_SOURCE_*, E_EMPTY_READ, E_STORE_*, E_USAGE, E_ABORTED
 */
export async function planBackup(
  _repository: Repository,
  _source: Source,
  _options: PlanOptions,
): Promise<BackupPlan> {
  throw new HoldfastError('E_INTERNAL', 'not built yet');
}
