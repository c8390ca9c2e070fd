import { type ErrorCode, type HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { BackupKey } from '../../../core/ids.ts';
import { sleep } from '../../../core/sleep.ts';
import { newestSegment } from '../../../repository/changes/change-chain.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { ChangeSource } from '../../../sources/changes.ts';
import { type PollOptions, poller } from '../poll.ts';
import { writeProofReport } from './proof-report.ts';
import { type Proof, type ProveOptions, proveBase } from './prove-base.ts';

/** What came of a proof. That it failed is an outcome, not an error. */
export interface ProofResult {
  readonly base: BackupKey;
  /**
   * - `equal`, `different`: what `proveBase` found.
   * - `failed`: something stands in the way that should not; `error` says what.
   * - `none`: there is nothing to compare the backup with; `error` says why. Nothing is reported.
   */
  readonly outcome: 'equal' | 'different' | 'failed' | 'none';
  readonly proof: Proof | undefined;
  readonly error: HoldfastError | undefined;
  /** Path of the report; undefined if there is none. */
  readonly report: string | undefined;
}

/** How a backup is proven. */
export interface RunProofOptions extends ProveOptions {
  /** Who asked for it. @default not known: somebody at a command line */
  readonly by?: string | undefined;
  /** Whether to sign the report if there is a signing key. @default true */
  readonly signs?: boolean;
}

/**
 * Compares a backup with the one before it and the stored changes between them, and records the result. The changes have to be stored up to
 * the backup: `pollUpTo`.
 *
 * @throws E_ABORTED, and then there is no report; E_USAGE, E_NO_BACKUP, E_NO_KEY, E_WRONG_KEY; E_STORE_* if the report cannot be written
 */
export async function runProof(repository: Repository, options: RunProofOptions): Promise<ProofResult> {
  const { base, by, signs = true, signal, onWarning = () => {} } = options;
  const startedAt = repository.clock.now();
  const began = performance.now();
  const found = await tryProof(repository, options);
  if (found.error && NOTHING.includes(found.error.code))
    return { base, outcome: 'none', ...found, report: undefined };
  const { source } = await repository.readManifest(base, signal);
  const report = await writeProofReport(
    repository,
    { base, ...found, source, startedAt, proofMs: Math.round(performance.now() - began), by },
    { signs, onUnsigned: (why) => onWarning(`the report is not signed: ${why}`), signal },
  );
  return { base, outcome: found.proof?.state ?? 'failed', ...found, report };
}

async function tryProof(
  repository: Repository,
  options: RunProofOptions,
): Promise<Pick<ProofResult, 'proof' | 'error'>> {
  try {
    return { proof: await proveBase(repository, options), error: undefined };
  } catch (error) {
    if (options.signal.aborted || !isHoldfastError(error) || OF_CALLER.includes(error.code)) throw error;
    return { proof: undefined, error };
  }
}

/** Errors that say nothing about the changes. */
const OF_CALLER: readonly ErrorCode[] = ['E_USAGE', 'E_NO_BACKUP', 'E_NO_KEY', 'E_WRONG_KEY'];
/** No earlier backup leads to it: it is the first, or there is a gap that is known; or its kind cannot be proven. */
const NOTHING: readonly ErrorCode[] = ['E_NO_MOMENT', 'E_SOURCE_UNSUPPORTED'];

/**
 * Polls until the changes are stored up to a backup, also if nothing changed since: so that it can be proven at once. Another poller may do
 * it instead.
 *
 * @returns false if there is no time for that. @throws as `pollChanges`
 */
export async function pollUpTo(
  repository: Repository,
  base: BackupKey,
  openChanges: () => Promise<ChangeSource>,
  options: Omit<PollOptions, 'keys' | 'idleMs'>,
): Promise<boolean> {
  const { signal, hasTime = () => true } = options;
  const poll = poller(repository, { ...options, idleMs: 0 });
  const isStored = await whetherStoredUpTo(repository, base, signal);
  while (!(await isStored())) {
    if (!hasTime()) return false;
    await using changes = await openChanges();
    const { isCaughtUp } = await poll(changes, options);
    if (!isCaughtUp) await sleep(BUSY_MS, signal);
  }
  return true;
}

/**
 * What tells whether the changes of its source are stored up to a backup; one that joins no changes waits for none.
 *
 * @throws E_NO_BACKUP, E_DAMAGED, E_STORE_*; so does what it returns
 */
export async function whetherStoredUpTo(
  repository: Repository,
  base: BackupKey,
  signal: AbortSignal,
): Promise<() => Promise<boolean>> {
  const { manifest, catalog } = await repository.openBackup(base, signal);
  const { join } = catalog;
  return async () => {
    if (!join) return true;
    const newest = await newestSegment(repository.context, manifest.source, signal);
    return newest !== undefined && newest.head.facts.readAt >= join.at;
  };
}

/** Somebody else reads: so long until we look again. */
const BUSY_MS = 1000;

/** Whether the stored changes were compared with a backup. */
export async function isProofReported(
  repository: Repository,
  base: BackupKey,
  signal: AbortSignal,
): Promise<boolean> {
  const { startedAt } = await repository.readManifest(base, signal);
  for await (const { report } of repository.reports.readAll(['proof'], signal, new Date(startedAt)))
    if (report?.backups[0] === base) return true;
  return false;
}
