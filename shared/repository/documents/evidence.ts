import { isHoldfastError } from '../../core/errors.ts';
import type { ReportKind } from '../../format/report.ts';
import type { Repository } from '../repository.ts';
import type { ReportToWrite } from './reports.ts';

/** How evidence is written. */
export interface EvidenceOptions {
  /** Whether to sign it if there is a signing key. @default true */
  readonly signs?: boolean;
  /** Receives the reason if there is a signing key but no signature. */
  readonly onUnsigned: (why: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Writes a report that is signed if possible: evidence without a signature is still evidence.
 *
 * @returns the report's path
 * @throws E_NO_KEY, E_STORE_*
 */
export async function writeEvidence(
  { context, reports }: Pick<Repository, 'context' | 'reports'>,
  kind: ReportKind,
  { report, signs = true, onUnsigned, signal }: EvidenceOptions & { readonly report: ReportToWrite },
): Promise<string> {
  if (signs && context.signatures.hasSigner)
    try {
      return await reports.write(kind, { ...report, signs }, signal);
    } catch (error) {
      if (!isHoldfastError(error) || !/^E_(KEY_|BAD_KEY$)/.test(error.code)) throw error;
      onUnsigned(error.message);
    }
  return reports.write(kind, report, signal);
}
