import type { ChunkRef } from '../../format/chunk-ref.ts';

/** A reference, and whether this backup stored what it refers to. */
export interface StoredRef {
  readonly ref: ChunkRef;
  readonly isNew: boolean;
}
