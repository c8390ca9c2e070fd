import type { BackupKey } from '../core/ids.ts';
import type { OnProgress } from '../core/progress.ts';
import type { Repository } from '../repository/repository.ts';

export type VerifyDepth =
  /** Every pack is there with its size, and the store's own checksum where it keeps one. Reads no pack. */
  | { readonly kind: 'quick' }
  /** Every byte: pack names, decryption, chunk hashes, counts against tree, catalog and manifest. */
  | { readonly kind: 'full' }
  /** Full, on part `part` of `of` of the packs; parts 1 to `of` together are `full`. */
  | { readonly kind: 'subset'; readonly part: number; readonly of: number };

export interface Finding {
  /** The object at fault. */
  readonly object: string;
  readonly code: string;
  readonly problem: string;
  readonly backups: readonly BackupKey[];
}

export interface VerifyReport {
  readonly backups: readonly BackupKey[];
  readonly depth: VerifyDepth;
  readonly packs: number;
  readonly chunks: number;
  readonly records: number;
  readonly readBytes: number;
  readonly findings: readonly Finding[];
}

/** Damage is a finding, not an error; a store that cannot be reached is an error. */
export declare function verifyBackups(
  repository: Repository,
  keys: readonly BackupKey[],
  options: { readonly depth: VerifyDepth; readonly onProgress?: OnProgress; readonly signal: AbortSignal },
): Promise<VerifyReport>;
