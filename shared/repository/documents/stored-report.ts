import type { HoldfastError } from '../../core/errors.ts';
import type { Report } from '../../format/report.ts';
import type { SeenSignature } from '../keys/signatures.ts';

/** A report as it was found: its MAC or signature checked, neither (no key), or the problem with it. */
export interface StoredReport {
  readonly key: string;
  /** By the store's clock. */
  readonly storedAt: Date;
  readonly report: Report | undefined;
  readonly isProven: boolean;
  /** Whether a key that is believed has signed it. */
  readonly isSigned?: boolean;
  /** Of what need not be signed: what its signature is like, if it has one. */
  readonly signature?: SeenSignature | undefined;
  /** Of its bytes, in hex. */
  readonly sha256?: string;
  readonly problem: HoldfastError | undefined;
}
