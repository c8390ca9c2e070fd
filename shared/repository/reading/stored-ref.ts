import type { ChunkRef } from '../../format/chunk-ref.ts';

export interface StoredRef {
  readonly ref: ChunkRef;
  readonly isNew: boolean;
}
