import type { ResolvedConfig } from '../../shared/config/config.ts';
import type { OnProgress } from '../../shared/core/progress.ts';
import type { KeyUse, OpenedRepository } from './settings.ts';

/** What a function works with. */
export interface Invocation {
  readonly config: ResolvedConfig;
  /** Who asked, if the event does not say. */
  readonly by: string;
  /** 32 hex digits of this invocation, for work without a run of its own. */
  readonly id: string;
  /** Whether it has hours, not minutes. */
  readonly isTask: boolean;
  /** Aborted somewhat before the function's time runs out. */
  readonly signal: AbortSignal;
  readonly until: Date;
  readonly onProgress: OnProgress;
  /** Opened at the first call; closed when the function is done. */
  repository(options?: KeyUse): Promise<OpenedRepository>;
}
