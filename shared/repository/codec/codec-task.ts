import type { FilePlace } from '../../core/file-place.ts';
import type { FormatVersion } from '../../core/format-version.ts';
import type { PackId, RunKeyId } from '../../core/ids.ts';
import type { KeyField } from '../../core/key-fields.ts';
import type { WorkTotal } from '../../core/work-meter.ts';
import type { ChunkBounds } from '../../format/key-bounds.ts';
import type { PackPurpose, PackSeal } from '../../format/seal.ts';

/** For a task: a message carries all the memory behind a view, so views get memory of their own first. */
export function ownBytes(view: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(view);
}

/** One stored item in a task's buffer. */
export interface ItemSlice {
  /** Index into the task's `seals`. */
  readonly seal: number;
  /** Where it begins in the task's buffer. */
  readonly at: number;
  readonly storedBytes: number;
  /** Where it begins in its pack. */
  readonly offset: number;
}

/** The seal of a pack, and what errors call the pack. */
export type NamedSeal = PackSeal & { readonly pack: string };

/** Stored bytes of items, gathered for one task. */
export interface ItemBatch {
  readonly buffer: ArrayBuffer;
  readonly seals: readonly NamedSeal[];
}

/** What a run's processors need to know. */
export interface RunSettings {
  /** Format of the packs to fill. */
  readonly version: FormatVersion;
  readonly runKeyId: RunKeyId;
  readonly purpose: PackPurpose;
  readonly runKey: Uint8Array;
  readonly packBytes: number;
  readonly maxChunkBytes: number;
  /** zstd level; 0 stores raw. */
  readonly level: number;
}

/** A chunk in a block that was read. */
export interface ChunkToStore {
  readonly start: number;
  readonly end: number;
  /** Id of the parent's chunk: if it is equal, nothing is stored. */
  readonly parentId?: Uint8Array | undefined;
  /** The least and the greatest key are wanted also if it is equal. @default only if it is stored */
  readonly lacksBounds?: boolean | undefined;
  /** Its id, if an earlier answer gave it. */
  readonly id?: Uint8Array | undefined;
  /** A base is available: ask for it before storing in full. */
  readonly mayDelta: boolean;
  /** The base's chain, and the largest item that is worth being a delta. */
  readonly base?: { readonly chain: readonly ItemSlice[]; readonly maxDeltaBytes: number } | undefined;
}

/** What became of a chunk. */
export type StoredChunk =
  | { readonly status: 'same'; readonly bounds: ChunkBounds | undefined }
  | { readonly status: 'needs-base'; readonly id: Uint8Array }
  | ({
      readonly status: 'stored';
      readonly id: Uint8Array;
      readonly records: number;
      /** Of the keys of its records, as if it began with one; undefined if they are not known, or not asked for. */
      readonly bounds: ChunkBounds | undefined;
      readonly isDelta: boolean;
    } & StoredItem);

/** Where a worker has put an item. */
export interface StoredItem {
  /** Number of the pack among those of this worker in this run. */
  readonly pack: number;
  readonly offset: number;
  readonly storedBytes: number;
}

/** A pack that a worker has filled. */
export interface PackClosed {
  readonly pack: number;
  readonly id: PackId;
  /** Transferred; the pack is its first `length` bytes. */
  readonly buffer: ArrayBuffer;
  readonly length: number;
}

/** Parts of an item of columns, as they are stored. */
export interface StoredColumns {
  readonly seal: NamedSeal;
  /** Where the item begins in its pack. */
  readonly offset: number;
  /** Plain bytes of the whole item. */
  readonly itemBytes: number;
  readonly nonce: Uint8Array;
  readonly parts: readonly {
    /** In the item's plain bytes. */
    readonly from: number;
    readonly stored: Uint8Array;
    /** `partDigest` of its plain bytes. */
    readonly digest: Uint8Array;
  }[];
}

/** A chunk to be read, with what its differences build on. */
export interface ChunkToDecode {
  readonly id: Uint8Array;
  readonly plainBytes: number;
  readonly records: number;
  readonly chain: readonly ItemSlice[];
  /** Only to pick fields: some of its columns, in the place of its chain. */
  readonly columns?: StoredColumns | undefined;
}

/** A chunk of a block, and the id that it should have. */
export interface ChunkToCheck {
  readonly start: number;
  readonly end: number;
  readonly id: Uint8Array;
}

/** Sums of records, to be added to those of other chunks. */
export interface DigestParts {
  readonly sums: Uint32Array;
  readonly counts: Float64Array;
}

/** What a worker is told when it starts. */
export interface CodecWorkerData {
  /** It counts what its work takes. */
  readonly isMetered: boolean;
}

/** What a worker is asked to do. */
export type CodecTask =
  | { readonly kind: 'begin'; readonly settings: RunSettings }
  | {
      readonly kind: 'store';
      readonly run: string;
      readonly block: SharedArrayBuffer;
      readonly chunks: readonly ChunkToStore[];
      readonly bases: ItemBatch | undefined;
      /** Of the key that the least and the greatest are wanted of; none: of no key. */
      readonly keyFields: readonly KeyField[];
      /** Buffer of a pack that was uploaded, to be filled again. */
      readonly spare: ArrayBuffer | undefined;
    }
  | { readonly kind: 'seal'; readonly run: string; readonly item: Uint8Array }
  | { readonly kind: 'finish'; readonly run: string }
  | {
      readonly kind: 'decode';
      readonly batch: ItemBatch;
      readonly chunks: readonly ChunkToDecode[];
      readonly maxChunkBytes: number;
      readonly digest: boolean;
    }
  | {
      readonly kind: 'pick';
      readonly batch: ItemBatch;
      readonly chunks: readonly ChunkToDecode[];
      readonly maxChunkBytes: number;
      /** Of the fields, ascending. */
      readonly places: readonly number[];
    }
  | {
      readonly kind: 'write';
      readonly batch: ItemBatch;
      readonly chunks: readonly ChunkToDecode[];
      readonly maxChunkBytes: number;
      readonly to: FilePlace;
    }
  | {
      readonly kind: 'prove';
      readonly batch: ItemBatch;
      readonly chunks: readonly ChunkToDecode[];
      readonly maxChunkBytes: number;
    }
  | { readonly kind: 'check'; readonly block: SharedArrayBuffer; readonly pieces: readonly ChunkToCheck[] }
  | { readonly kind: 'digest'; readonly block: SharedArrayBuffer; readonly end: number }
  | { readonly kind: 'meter' };

/** What a worker answers, by what it was asked. */
export interface CodecResults {
  readonly begin: undefined;
  readonly store: { readonly chunks: readonly StoredChunk[]; readonly closed: readonly PackClosed[] };
  /** What is not a chunk, as it is, among the chunks. */
  readonly seal: { readonly item: StoredItem; readonly closed: readonly PackClosed[] };
  readonly finish: { readonly closed: readonly PackClosed[] };
  /** The chunks' plain bytes, one after the other. */
  readonly decode: { readonly plain: ArrayBuffer; readonly digest: DigestParts | undefined };
  /** Those fields of the chunks' rows. */
  readonly pick: ArrayBuffer;
  readonly write: undefined;
  readonly prove: undefined;
  /** Whether every piece has its id. */
  readonly check: boolean;
  readonly digest: DigestParts;
  /** Of this worker since it started; empty if it is not metered. */
  readonly meter: readonly WorkTotal[];
}
