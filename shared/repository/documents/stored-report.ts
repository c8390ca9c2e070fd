import type { HoldfastError } from '../../core/errors.ts';
import type { Report } from '../../format/report.ts';
import type { SeenSignature } from '../keys/signatures.ts';

/** A report as found: its MAC or signature checked, neither (without a key), or its problem. */
export interface StoredReport {
  readonly key: string;
  /** By the store's clock. */
  readonly storedAt: Date;
  readonly report: Report | undefined;
  readonly isProven: boolean;
  /** Whether a trusted key signed it. */
  readonly isSigned?: boolean;
  /** The state of a signature that was not required, if there is one. */
  readonly signature?: SeenSignature | undefined;
  /** Of its bytes, in hex. */
  readonly sha256?: string;
  readonly problem: HoldfastError | undefined;
}
