import type { BackupTypes } from '../../config/backup-types.ts';
import type { SuspectThresholds } from '../../config/suspects.ts';
import type { Notifier } from '../../jobs/notify/notifier.ts';
import type { SourceConfig } from '../../jobs/source/adapters.ts';
import type { Repository } from '../../repository/repository.ts';
import type { DownloadLink } from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import type { RepositoryView } from '../server/repository-view.ts';
import type { NamedPlace } from './places.ts';
import type { LocalProtection } from './protection.ts';
import type { RunTracker } from './run-tracker.ts';

/** What the backend in this process works on. */
export interface LocalBackendOptions {
  /** With a key, over the store itself: what looks for damage must not see what is remembered. */
  readonly repository: Repository;
  readonly view: RepositoryView;
  readonly tracker: RunTracker;
  readonly sources: readonly NamedPlace[];
  readonly targets: readonly NamedPlace[];
  /** Where drills of a kind of source are run. @throws E_CONFIG */
  readonly drillServer: (kind: string) => SourceConfig;
  readonly suspects: SuspectThresholds;
  readonly types: BackupTypes;
  /** Of all channels. */
  readonly notifier: Pick<Notifier, 'test'>;
  readonly schedules: () => StatusAnswer['schedules'];
  /** False: ENABLE_BACKUPS is off. */
  readonly isEnabled: boolean;
  /** Exports of backups with no more bytes of records are made while they are sent. */
  readonly streamBytes: number;
  /** Of a store that gives links; undefined: all exports are made while they are sent. */
  readonly links: ExportLinks | undefined;
  /** Locks and second places. @default neither */
  readonly protection?: LocalProtection | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Exports that lie in the store, and links to them. */
export interface ExportLinks {
  /** Stores an export as `exports/<run>/<fileName>` and gives its bytes. */
  put(run: string, fileName: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** A link to it, good for 15 minutes at most. */
  link(run: string, fileName: string): Promise<Pick<DownloadLink, 'url' | 'expiresAt'>>;
}
