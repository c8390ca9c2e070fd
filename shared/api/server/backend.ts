import type { HoldfastError } from '../../core/errors.ts';
import type { FileFormat } from '../../core/export-types.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { ApiKeyStore } from '../access/api-key-store.ts';
import type { AcceptAnswer, HoldAnswer } from '../schema/backups.ts';
import type { NotificationTestAnswer } from '../schema/notifications.ts';
import type {
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
  /** What a run is to be called, the same whenever the request comes again; undefined: any name. */
  readonly run?: string;
}

/** An export: as it is made, from a run that must come first, or by a link to what was prepared. */
export type Download =
  | {
      readonly kind: 'stream';
      readonly fileName: string;
      readonly format: FileFormat;
      readonly body: AsyncIterable<Uint8Array>;
    }
  | { readonly kind: 'run'; readonly started: RunStarted }
  | { readonly kind: 'link'; readonly link: DownloadLink };

/** What does the work of the API: this process (`local/`), or functions in AWS (`aws/`). */
export interface Backend {
  readonly mode: StatusAnswer['mode'];
  /** What is read of the repository. */
  readonly view: RepositoryView;
  readonly configured: StatusAnswer['configured'];
  readonly schedules: StatusAnswer['schedules'];
  /** Why backups cannot run; empty where they can. */
  readonly apiKeys: ApiKeyStore;
  health(signal: AbortSignal): Promise<readonly HoldfastError[]>;
  create(body: CreateBody, call: Call): Promise<RunStarted>;
  verify(body: VerifyBody, call: Call): Promise<RunStarted>;
  drill(body: DrillBody, call: Call): Promise<RunStarted>;
  /** Brings backups to a second place. */
  copy(body: CopyBody, call: Call): Promise<RunStarted>;
  /** Locks for longer what backups need. */
  lock(body: LockBody, call: Call): Promise<RunStarted>;
  planRestore(
    body: RestoreBody,
    call: Call,
  ): Promise<{ readonly key: BackupKey; readonly plan: ApiRestorePlan }>;
  /** Begins a restore that was confirmed; it is in the audit trail before it begins. */
  restore(body: RestoreBody, call: Call): Promise<RunStarted>;
  hold(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer>;
  release(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer>;
  accept(keys: readonly BackupKey[], reason: string, call: Call): Promise<AcceptAnswer>;
  /** Sends a test to a channel, and says what came back. @throws E_UNKNOWN_NAME */
  testChannel(name: string, call: Call): Promise<NotificationTestAnswer>;
  runs(limit: number, call: Call): Promise<readonly ApiRun[]>;
  /** @throws E_UNKNOWN_RUN */
  run(id: string, call: Call): Promise<RunAnswer>;
  /** The run now, and after each change where those are seen, until it is over. @throws E_UNKNOWN_RUN */
  follow(id: string, call: Call): AsyncIterable<RunAnswer>;
  /** Has a run stopped, which is in the audit trail before. @param run as it was seen last */
  cancel(run: ApiRun, call: Call): Promise<void>;
  /** It is in the audit trail before the first byte. */
  download(key: BackupKey, query: DownloadQuery, call: Call): Promise<Download>;
}
