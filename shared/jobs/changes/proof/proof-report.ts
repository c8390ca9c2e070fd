import { HoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import type { JsonObject } from '../../../core/json.ts';
import { isReportKey } from '../../../format/report.ts';
import { type Body, parseBody } from '../../../format/report-bodies.ts';
import { type EvidenceOptions, writeEvidence } from '../../../repository/documents/evidence.ts';
import type { StoredReport } from '../../../repository/documents/stored-report.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { Proof } from './prove-base.ts';
import { provenDatasets } from './proven-datasets.ts';

/** What a report of a proof says. */
export interface ProofToReport {
  readonly base: BackupKey;
  /** What was found; undefined if it failed. */
  readonly proof: Proof | undefined;
  readonly error: HoldfastError | undefined;
  readonly source: { readonly kind: string; readonly name: string };
  readonly startedAt: Date;
  readonly proofMs: number;
  readonly by: string | undefined;
}

/**
 * Records a proof as a drill is recorded: in the clear what names no dataset, and datasets and keys of rows sealed.
 *
 * @returns the report's path
 * @throws E_NO_KEY, E_STORE_*
 */
export async function writeProofReport(
  repository: Repository,
  told: ProofToReport,
  options: EvidenceOptions,
): Promise<string> {
  const { base, proof } = told;
  const body = { ...bodyOf(told), ...(await hashesOf(repository, told, options.signal)) };
  const report = { backups: proof ? [base, proof.before] : [base], body, details: detailsOf(told) };
  return writeEvidence(repository, 'proof', { ...options, report });
}

function bodyOf({ proof, error, source, startedAt, proofMs, by }: ProofToReport): JsonObject {
  const common = {
    source: { kind: source.kind, name: source.name },
    startedAt: startedAt.toISOString(),
    proofMs,
    ...(by === undefined ? {} : { by }),
  };
  if (!proof) return { outcome: 'failed', ...common, ...(error === undefined ? {} : { error: error.code }) };
  const { datasets, segments, transactions } = proof;
  const count = (state: string) => datasets.filter((one) => one.state === state).length;
  return {
    outcome: proof.state,
    ...common,
    segments,
    transactions,
    datasets: datasets.length - count('not compared'),
    differentDatasets: count('different'),
    notCompared: count('not compared'),
    differing: datasets.reduce((sum, { differing }) => sum + differing, 0),
  };
}

async function hashesOf(
  repository: Repository,
  { base, proof }: Pick<ProofToReport, 'base' | 'proof'>,
  signal: AbortSignal,
): Promise<JsonObject> {
  if (!proof) return {};
  const [later, earlier] = [
    await repository.inspectManifest(base, signal),
    await repository.inspectManifest(proof.before, signal),
  ];
  return { manifestSha256: later.sha256 ?? '', beforeManifestSha256: earlier.sha256 ?? '' };
}

function detailsOf({ proof, error }: Pick<ProofToReport, 'proof' | 'error'>): JsonObject {
  return {
    datasets: provenDatasets(proof?.datasets ?? []),
    error: error === undefined ? null : { code: error.code, message: error.message },
  };
}

/** A report as it is read again. */
export interface ProofEvidence {
  readonly key: string;
  /** By its writer's clock, and by the store's. */
  readonly at: string;
  readonly storedAt: Date;
  /** Of the report's bytes, in hex. */
  readonly sha256: string;
  readonly software: string;
  readonly repository: string;
  readonly backup: string;
  /** The backup that it begins with; undefined if it failed before that was known. */
  readonly before: string | undefined;
  readonly body: Body<'proof'>;
  /** Datasets and keys of rows: only the key opens them; undefined without it. */
  readonly details: JsonObject | undefined;
  /** Whether its MAC was checked, which needs the key. */
  readonly isProven: boolean;
  readonly signature: StoredReport['signature'];
}

/** `proof_20260301_020000_0123abcd`, or the whole path of a proof's report. @throws E_USAGE */
export function proofReportKey(text: string): string {
  const day = /^proof_(\d{8})_/.exec(text)?.[1];
  const key = day === undefined ? text : `reports/proof/${day}/${text.replace(/\.json$/, '')}.json`;
  if (isReportKey(key) && key.startsWith('reports/proof/')) return key;
  throw new HoldfastError('E_USAGE', `'${text}' is not a report of a proof`, {
    hint: 'It has a name like proof_20260301_020000_0123abcd, or its whole path below reports/proof/.',
  });
}

/** @throws E_OBJECT_NOT_FOUND, E_DAMAGED if it cannot be trusted, E_STORE_* */
export async function readProofEvidence(
  repository: Repository,
  key: string,
  signal: AbortSignal,
): Promise<ProofEvidence> {
  const { modifiedAt } = await repository.store.head(key, { signal });
  const stored = await repository.reports.open(key, modifiedAt, signal);
  const { report, problem, isProven, signature, sha256 = '' } = stored;
  if (!report) throw problem ?? new HoldfastError('E_DAMAGED', `${key} cannot be read`);
  return {
    key: report.key,
    at: report.at,
    storedAt: modifiedAt,
    sha256,
    software: report.software,
    repository: report.repository,
    backup: report.backups[0] ?? '',
    before: report.backups[1],
    body: parseBody('proof', report),
    details: repository.context.keys.hasRootKey
      ? await repository.reports.details(report, signal)
      : undefined,
    isProven,
    signature,
  };
}
