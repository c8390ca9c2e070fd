import type { HoldfastError } from '../../core/errors.ts';
import type { FileFormat } from '../../core/export-types.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { ApiKeyStore } from '../access/api-key-store.ts';
import type { AcceptAnswer, HoldAnswer } from '../schema/backups.ts';
import type { ChangesAnswer } from '../schema/changes.ts';
import type {
  DiffAnswer,
  DiffQuery,
  RowHistoryAnswer,
  RowHistoryQuery,
  RowsAnswer,
  RowsQuery,
  TargetChanges,
} from '../schema/inside.ts';
import type { NotificationTestAnswer } from '../schema/notifications.ts';
import type {
  ApiMomentPlan,
  ApiRestorePlan,
  ApiRun,
  CopyBody,
  CreateBody,
  DownloadLink,
  DownloadQuery,
  DrillBody,
  LockBody,
  RestoreBody,
  RunAnswer,
  RunStarted,
  VerifyBody,
} from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import type { Caller } from './caller.ts';
import type { RepositoryView } from './repository-view.ts';

/** A request that was let in. */
export interface Call {
  readonly caller: Caller;
  readonly signal: AbortSignal;
  /** Id for the run, the same whenever the request is repeated; undefined: any. */
  readonly run?: string;
}

/** An export: streamed, through a run that must come first, or as a link to a prepared one. */
export type Download =
  | {
      readonly kind: 'stream';
      readonly fileName: string;
      readonly format: FileFormat;
      readonly body: AsyncIterable<Uint8Array>;
    }
  | { readonly kind: 'run'; readonly started: RunStarted }
  | { readonly kind: 'link'; readonly link: DownloadLink };

/** What a restore would do, and for a dry run of whole datasets what it would change at its target. */
export interface PlannedRestore {
  /** Of a moment: its base. */
  readonly key: BackupKey;
  readonly plan: ApiRestorePlan;
  readonly changes?: TargetChanges | null;
  readonly moment?: ApiMomentPlan | null;
}

/** Does the work of the API: this process (`local/`), or functions on AWS (`aws/`). */
export interface Backend {
  readonly mode: StatusAnswer['mode'];
  /** What is read of the repository. */
  readonly view: RepositoryView;
  readonly configured: StatusAnswer['configured'];
  readonly schedules: StatusAnswer['schedules'];
  /** Why backups cannot run; empty if they can. */
  readonly apiKeys: ApiKeyStore;
  health(signal: AbortSignal): Promise<readonly HoldfastError[]>;
  /** How much of its log the server of a source holds for us; null if this backend reaches no databases. */
  held(source: string, call: Call): Promise<ChangesAnswer['held']>;
  create(body: CreateBody, call: Call): Promise<RunStarted>;
  verify(body: VerifyBody, call: Call): Promise<RunStarted>;
  drill(body: DrillBody, call: Call): Promise<RunStarted>;
  /** Copies backups to a second place. */
  copy(body: CopyBody, call: Call): Promise<RunStarted>;
  /** Extends the locks of what backups need. */
  lock(body: LockBody, call: Call): Promise<RunStarted>;
  planRestore(body: RestoreBody, call: Call): Promise<PlannedRestore>;
  /** Every look at rows is in the audit trail before it. @throws E_FORBIDDEN for rows that the caller may not see as they are */
  rows(key: BackupKey, query: RowsQuery, call: Call): Promise<RowsAnswer>;
  diff(key: BackupKey, query: DiffQuery, call: Call): Promise<DiffAnswer>;
  rowHistory(query: RowHistoryQuery, call: Call): Promise<RowHistoryAnswer>;
  /** Starts a confirmed restore; it is in the audit trail before that. */
  restore(body: RestoreBody, call: Call): Promise<RunStarted>;
  hold(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer>;
  release(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer>;
  accept(keys: readonly BackupKey[], reason: string, call: Call): Promise<AcceptAnswer>;
  /** Sends a test to a channel, and returns the response. @throws E_UNKNOWN_NAME */
  testChannel(name: string, call: Call): Promise<NotificationTestAnswer>;
  runs(limit: number, call: Call): Promise<readonly ApiRun[]>;
  /** @throws E_UNKNOWN_RUN */
  run(id: string, call: Call): Promise<RunAnswer>;
  /** The run now, and after each change if those are visible, until it has ended. @throws E_UNKNOWN_RUN */
  follow(id: string, call: Call): AsyncIterable<RunAnswer>;
  /** Stops a run; it is in the audit trail before that. @param run as last seen */
  cancel(run: ApiRun, call: Call): Promise<void>;
  /** It is in the audit trail before the first byte. */
  download(key: BackupKey, query: DownloadQuery, call: Call): Promise<Download>;
}
