import type { FormatVersion } from '../../core/format-version.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Suspect } from '../../format/catalog.ts';
import type { Manifest } from '../../format/manifest.ts';
import type { MadeKey } from '../keys/key-ring.ts';
import type { BackupReader } from '../reading/backup-reader.ts';
import type { WrittenFigures } from '../reading/dataset-figures.ts';
import type { StoredRef } from '../reading/stored-ref.ts';
import type { RereadArc } from './reread.ts';

/** What writing partitions needs to know. */
export interface ShareToWrite {
  /** The format that the whole backup is written in. */
  readonly version: FormatVersion;
  /** Of the backup: chooses the storage class. */
  readonly type: string;
  /** Whose records are sealed; from format 2 on their key is bound to its name. */
  readonly source: { readonly kind: string; readonly name: string };
  /** The backup to compare with. */
  readonly parent: BackupReader | undefined;
  /** What is read of that which is taken from the parent; undefined: nothing. */
  readonly reread?: RereadArc | undefined;
  /** Ids of packs that nothing new may refer to. */
  readonly spoiltPacks: ReadonlySet<string>;
  readonly onWarning: (message: string) => void;
  readonly onStored: (stored: StoredRef) => void;
  readonly signal: AbortSignal;
}

/** What a backup says of itself. */
export interface BackupHeader {
  readonly version: FormatVersion;
  readonly type: string;
  readonly note: string | undefined;
  readonly source: { readonly kind: string; readonly name: string };
  readonly software: string;
  readonly startedAt: Date;
  readonly parent: Pick<Manifest, 'key' | 'startedAt'> | undefined;
  readonly reread?: RereadArc | undefined;
  /** Of a backup that is made from a file. */
  readonly imported?: Manifest['imported'];
}

/** A backup that one process writes from beginning to end. */
export interface BackupWriterOptions
  extends Omit<ShareToWrite, 'version' | 'reread'>,
    Pick<BackupHeader, 'type' | 'note' | 'source' | 'software' | 'imported'> {
  /** The backup whose state this is, where it is not one that was read just now. */
  readonly copyOf?: (Pick<Manifest, 'startedAt'> & Partial<Pick<Manifest, 'version'>>) | undefined;
  /** Chunks are compared with the parent's, but the backup does not come after it. */
  readonly isOlder?: boolean;
  /** As of `BackupToCommit`. */
  readonly sequence: BackupToCommit['sequence'];
  readonly onListed: BackupToCommit['onListed'];
}

/** A dataset whose partitions are written. */
export interface DatasetToCommit {
  readonly name: string;
  readonly kind: 'schema' | 'data';
  readonly attributes: JsonObject;
  readonly partitions: readonly { readonly name: string }[];
}

/** What the source's view says, once all is read. */
export interface ViewToCommit {
  readonly server: string;
  readonly position: string;
  readonly omitted: readonly string[];
  readonly datasets: readonly DatasetToCommit[];
  readonly consistency: Manifest['consistency'];
  readonly window: { readonly from: Date; readonly to: Date } | undefined;
}

/** What is decided when a backup is about to be listed. */
export interface CommitOptions extends ViewToCommit {
  /** Called with what was read before anything is listed; says what is suspect about it. May throw. */
  readonly judge: (figures: readonly WrittenFigures[]) => Suspect | undefined;
}

/** How shares are made one backup. */
export interface BackupToCommit extends CommitOptions {
  readonly header: BackupHeader;
  /** The backup whose chunks these were compared with: what its list of packs says is not written again. */
  readonly comparedWith: Manifest | undefined;
  readonly manifestKey: MadeKey;
  /** Its place among the backups of its source, asked when all packs are stored. */
  readonly sequence: () => Promise<Manifest['sequence']>;
  /** Told of the manifest as it was listed, and of the SHA-256 of its bytes. */
  readonly onListed: (manifest: Manifest, sha256: string) => void;
  /** Time since before the parent was looked for, when all packs are stored; `last` was just now. */
  readonly elapsedMs: (last: PackId) => Promise<number>;
  /** Looks whether a backup with that key is this one, which another process has listed meanwhile. */
  readonly findOurs?: (key: BackupKey) => Promise<Manifest | undefined>;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}
