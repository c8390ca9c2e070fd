import type { Manifest } from '../../format/manifest.ts';

/** A backup that is listed. */
export interface CommittedBackup {
  readonly manifest: Manifest;
  /** Number of its chunks, and of those that no earlier backup had. */
  readonly figures: { readonly chunks: number; readonly newChunks: number };
}
