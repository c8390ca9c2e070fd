import type { BackupTypes } from '../../config/backup-types.ts';
import type { SuspectThresholds } from '../../config/suspects.ts';
import type { RecordMask } from '../../jobs/inside/rows-page.ts';
import type { Notifier } from '../../jobs/notify/notifier.ts';
import type { SourceConfig } from '../../jobs/source/adapters.ts';
import type { Repository } from '../../repository/repository.ts';
import type { BackupContents, StoredDataset } from '../../sources/contents.ts';
import type { DownloadLink } from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import type { RepositoryView } from '../server/repository-view.ts';
import type { NamedPlace } from './places.ts';
import type { LocalProtection } from './protection.ts';
import type { RunTracker } from './run-tracker.ts';

/** What the backend in this process works on. */
export interface LocalBackendOptions {
  /** With a key, directly over the store: verification must not read from memory. */
  readonly repository: Repository;
  readonly view: RepositoryView;
  readonly tracker: RunTracker;
  readonly sources: readonly NamedPlace[];
  readonly targets: readonly NamedPlace[];
  /** Where drills of a kind of source run. @throws E_CONFIG */
  readonly drillServer: (kind: string) => SourceConfig;
  readonly suspects: SuspectThresholds;
  readonly types: BackupTypes;
  /** For all channels. */
  readonly notifier: Pick<Notifier, 'test'>;
  readonly schedules: () => StatusAnswer['schedules'];
  /** False: ENABLE_BACKUPS is off. */
  readonly isEnabled: boolean;
  /** Exports with at most this many bytes of records are streamed. */
  readonly streamBytes: number;
  /** For a store with links; undefined: all exports are streamed. */
  readonly links: ExportLinks | undefined;
  /** What masks the rows of a source for those who may not see them as they are; undefined if nothing does. @default none */
  readonly masks?: ((source: string) => DatasetMask | undefined) | undefined;
  /** Locks and second places. @default neither */
  readonly protection?: LocalProtection | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Masks a dataset of a source. @throws E_MASK_RULES if a column has no rule, E_CONFIG for rules that cannot be read */
export type DatasetMask = (
  contents: BackupContents,
  dataset: StoredDataset,
  signal: AbortSignal,
) => Promise<RecordMask>;

/** Exports in the store, and links to them. */
export interface ExportLinks {
  /** Stores an export as `exports/<run>/<fileName>` and returns its bytes. */
  put(run: string, fileName: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<number>;
  /** A link to it, valid for at most 15 minutes. */
  link(run: string, fileName: string): Promise<Pick<DownloadLink, 'url' | 'expiresAt'>>;
}
