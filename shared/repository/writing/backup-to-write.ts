import type { FormatVersion } from '../../core/format-version.ts';
import type { BackupKey, PackId } from '../../core/ids.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Catalog, Suspect } from '../../format/catalog.ts';
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
  /** Whose records are sealed; from format 2 on, their key is bound to its name. */
  readonly source: { readonly kind: string; readonly name: string };
  /** The backup to compare with. */
  readonly parent: BackupReader | undefined;
  /** What to re-read of the data taken from the parent; undefined: nothing. */
  readonly reread?: RereadArc | undefined;
  /** Ids of packs that nothing new may refer to. */
  readonly spoiltPacks: ReadonlySet<string>;
  readonly onWarning: (message: string) => void;
  readonly onStored: (stored: StoredRef) => void;
  readonly signal: AbortSignal;
}

/** What a backup says about itself. */
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
  /** The backup whose state this is, if it was not just read. */
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

/** Of a backup that changes can be applied to. */
export interface BaseToCommit {
  readonly join: NonNullable<Catalog['join']>;
  /** Number of the newest change segment before it was begun. */
  readonly after: number;
}

/** What the source's snapshot says, once everything is read. */
export interface ViewToCommit {
  readonly base?: BaseToCommit | undefined;
  readonly server: string;
  readonly position: string;
  readonly omitted: readonly string[];
  readonly datasets: readonly DatasetToCommit[];
  readonly consistency: Manifest['consistency'];
  readonly window: { readonly from: Date; readonly to: Date } | undefined;
}

/** What is decided when a backup is about to be listed. */
export interface CommitOptions extends ViewToCommit {
  /** Called with the figures before anything is listed; returns what is suspect. May throw. */
  readonly judge: (figures: readonly WrittenFigures[]) => Suspect | undefined;
}

/** How shares become one backup. */
export interface BackupToCommit extends CommitOptions {
  readonly header: BackupHeader;
  /** The backup whose chunks these were compared with: its pack lists are not written again. */
  readonly comparedWith: Manifest | undefined;
  readonly manifestKey: MadeKey;
  /** Its place among the backups of its source; called when all packs are stored. */
  readonly sequence: () => Promise<Manifest['sequence']>;
  /** Receives the manifest as listed, and the SHA-256 of its bytes. */
  readonly onListed: (manifest: Manifest, sha256: string) => void;
  /** Time since before the parent lookup, when all packs are stored; `last` was stored just now. */
  readonly elapsedMs: (last: PackId) => Promise<number>;
  /** Checks whether a backup with that name is this one, which another process has listed meanwhile. */
  readonly findOurs?: (key: BackupKey) => Promise<Manifest | undefined>;
  readonly onWarning?: ((message: string) => void) | undefined;
  readonly signal: AbortSignal;
}
