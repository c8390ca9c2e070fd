import * as z from 'zod';
import { HoldfastError } from '../../shared/core/errors.ts';
import type { BackupKey } from '../../shared/core/ids.ts';
import { changesOf } from '../../shared/jobs/changes/changes-of.ts';
import type { Proof } from '../../shared/jobs/changes/proof/prove-base.ts';
import { type ProofResult, runProof, whetherStoredUpTo } from '../../shared/jobs/changes/proof/run-proof.ts';
import { continuousSource } from '../runtime/continuous.ts';
import { backupKeyMember, requestedBy } from '../runtime/event-members.ts';
import { putEvent } from '../runtime/events.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import type { Invocation } from '../runtime/invocation.ts';
import type { OpenedRepository } from '../runtime/settings.ts';
import { logger, publishMetrics } from '../runtime/telemetry.ts';

const Event = z.strictObject({ backup: backupKeyMember, requestedBy: requestedBy.optional() });

/**
 * Compares a backup with the one before it and the changes stored between them. What differs is in the report, sealed; the answer has
 * numbers alone.
 */
export const handler = defineFunction(Event, async ({ backup, requestedBy: by }, invocation) => {
  const base = backup as BackupKey;
  const repository = await invocation.repository();
  const { source, changes } = await repository.readManifest(base, invocation.signal);
  const about = { run: invocation.id, source: source.name, backup };
  // It was made before its database was set up for changes.
  if (!changes) return { ...about, outcome: 'none', ...figuresOf(undefined), report: null, error: null };
  try {
    const result = await prove(repository, base, {
      ...invocation,
      by: by ?? invocation.by,
      name: source.name,
    });
    await tell(about, result);
    const { outcome, proof, report, error } = result;
    logger.info('the backup was compared', { outcome, report });
    return { ...about, outcome, ...figuresOf(proof), report: report ?? null, error: error?.code ?? null };
  } catch (error) {
    const { name: code, message } = toFunctionError(error, invocation.signal);
    await tellOf({ ...about, outcome: 'failed', figures: figuresOf(undefined), error: { code, message } });
    throw error;
  }
});

async function prove(
  repository: OpenedRepository,
  base: BackupKey,
  { name, by, config, signal }: Invocation & { readonly name: string },
): Promise<ProofResult> {
  const plugin = changesOf(continuousSource(name, config));
  const isStored = await whetherStoredUpTo(repository, base, signal);
  if (!(await isStored()))
    throw new HoldfastError('E_NO_MOMENT', `changes of ${name} up to ${base} are not stored yet`, {
      hint: 'Invoke the function poll of this source with {"source": "…", "backup": "…"} first.',
    });
  const onWarning = (message: string) => logger.warn(message);
  // The role of proofs may not sign, like that of drills.
  return runProof(repository, { base, plugin, by, signs: false, onWarning, signal });
}

async function tell(
  about: { readonly run: string; readonly source: string; readonly backup: string },
  { outcome, proof, error }: ProofResult,
): Promise<void> {
  if (outcome === 'none') {
    logger.info('there is nothing to compare the backup with', { cause: error?.message });
    return;
  }
  const problem = error ? { error: { code: error.code, message: error.message } } : {};
  await tellOf({ ...about, outcome, figures: figuresOf(proof), ...problem });
}

interface Told {
  readonly run: string;
  readonly source: string;
  readonly backup: string;
  readonly outcome: Exclude<ProofResult['outcome'], 'none'>;
  readonly figures: ReturnType<typeof figuresOf>;
  readonly error?: { readonly code: string; readonly message: string };
}

async function tellOf(told: Told): Promise<void> {
  const isEqual = told.outcome === 'equal';
  if (!isEqual) logger.error('a backup differs from the one before it plus the stored changes', { ...told });
  publishMetrics(told.source, { ProofFailed: isEqual ? 0 : 1 });
  await putEvent(isEqual ? 'Proof Succeeded' : 'Proof Failed', { ...told });
}

function figuresOf(proof: Proof | undefined) {
  const { segments = 0, transactions = 0, datasets = [] } = proof ?? {};
  const count = (state: string) => datasets.filter((one) => one.state === state).length;
  return {
    segments,
    transactions,
    datasets: datasets.length - count('not compared'),
    differentDatasets: count('different'),
    notCompared: count('not compared'),
    differing: datasets.reduce((sum, { differing }) => sum + differing, 0),
  };
}
