import type { ChunkRef } from '../../format/chunk-ref.ts';
import type { ChunkBounds } from '../../format/key-bounds.ts';

/** A reference, and whether this backup stored what it refers to. */
export interface StoredRef {
  readonly ref: ChunkRef;
  readonly isNew: boolean;
  /** As if the chunk began with a record; undefined if they are not known, or somebody else knows them. */
  readonly bounds?: ChunkBounds | undefined;
}
