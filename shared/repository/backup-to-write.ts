import type { JsonObject } from '../core/json.ts';
import type { Suspect } from '../format/catalog.ts';
import type { Manifest } from '../format/manifest.ts';
import type { BackupReader } from './backup-reader.ts';
import type { StoredRef } from './chunk-store.ts';
import type { WrittenFigures } from './dataset-figures.ts';

export interface BackupWriterOptions {
  readonly type: string;
  readonly note: string | undefined;
  readonly source: { readonly kind: string; readonly name: string };
  /** The backup to compare with. */
  readonly parent: BackupReader | undefined;
  /** Ids of packs that nothing new may refer to. */
  readonly spoiltPacks: ReadonlySet<string>;
  /** The backup whose state this is, where it is not one that was read just now. */
  readonly copyOf?: Manifest | undefined;
  readonly software: string;
  readonly onWarning: (message: string) => void;
  readonly onStored: (stored: StoredRef) => void;
  readonly signal: AbortSignal;
}

export interface DatasetToCommit {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
  readonly partitions: readonly { readonly name: string }[];
}

export interface CommitOptions {
  readonly server: string;
  readonly position: string;
  readonly omitted: readonly string[];
  readonly datasets: readonly DatasetToCommit[];
  readonly consistency: Manifest['consistency'];
  readonly window: { readonly from: Date; readonly to: Date } | undefined;
  /** Called with what was read before anything is listed; says what is suspect about it. May throw. */
  readonly judge: (figures: readonly WrittenFigures[]) => Suspect | undefined;
}
