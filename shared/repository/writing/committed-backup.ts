import type { Manifest } from '../../format/manifest.ts';

/** A backup that is listed. */
export interface CommittedBackup {
  readonly manifest: Manifest;
  /** Chunks of its data, and those of them that no earlier backup had. */
  readonly figures: { readonly chunks: number; readonly newChunks: number };
}
