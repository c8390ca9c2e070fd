import { backupName } from '../shared/core/backup-words.ts';
import { ERRORS, HoldfastError, isHoldfastError } from '../shared/core/errors.ts';
import type { BackupKey } from '../shared/core/ids.ts';
import { MINUTE_MS } from '../shared/core/units.ts';
import { changesOf } from '../shared/jobs/changes/changes-of.ts';
import { basesOf } from '../shared/jobs/changes/choose-moment.ts';
import { openChanges } from '../shared/jobs/changes/openers.ts';
import type { DatasetProof } from '../shared/jobs/changes/proof/compare-with-stream.ts';
import {
  isProofReported,
  type ProofResult,
  pollUpTo,
  runProof,
} from '../shared/jobs/changes/proof/run-proof.ts';
import { plural } from './format.ts';
import type { ContinuousSource } from './pitr-source.ts';
import type { CommandSession } from './session.ts';

/** Rows that are named on the spot; the report has more. */
const MOST_SAID = 3;

/** What other commands print of a proof. */
export interface ShownProof {
  readonly outcome: ProofResult['outcome'];
  readonly report: string | null;
}

/** A status of its own, if a proof says that changes were lost or doubled. */
export function proofStatus(proof: ShownProof | undefined): number {
  return proof?.outcome === 'different' ? ERRORS.E_DAMAGED.exitStatus : 0;
}

/**
 * Polls up to a backup that was just made, and compares it with the one before it and the stored changes. The result is printed; the
 * backup stands, whatever that is.
 *
 * @returns undefined if it could not be tried. @throws E_ABORTED
 */
export async function proveAfter(
  session: CommandSession,
  source: ContinuousSource,
  base: BackupKey,
): Promise<ShownProof | undefined> {
  const { io, progress } = session;
  try {
    return await prove(session, source, base);
  } catch (error) {
    if (io.signal.aborted || !isHoldfastError(error)) throw error;
    progress.say(
      `warning: ${backupName(base)} was not compared with the stored changes: ${error.message}; try holdfast pitr prove`,
    );
    return undefined;
  }
}

async function prove(
  session: CommandSession,
  { name, kind, place }: ContinuousSource,
  base: BackupKey,
): Promise<ShownProof> {
  const { repository, io, progress } = session;
  const { signal } = io;
  const onWarning = (message: string) => progress.say(`warning: ${message}`);
  const plugin = changesOf(place);
  const { changes } = await repository.readManifest(base, signal);
  if (!changes)
    throw new HoldfastError(
      'E_CHANGES_NOT_SET_UP',
      `${name} has no continuous backup, or no changes are stored yet`,
    );
  const polling = { source: { kind, name }, onWarning, signal };
  await pollUpTo(repository, base, () => openChanges(place, io.env), polling);
  const result = await runProof(repository, { base, plugin, onWarning, signal });
  for (const line of saidOf(result)) progress.say(line);
  return { outcome: result.outcome, report: result.report ?? null };
}

function saidOf({ outcome, base, proof, error, report }: ProofResult): string[] {
  const name = backupName(base);
  if (outcome === 'none') return [`${name} is not compared with the stored changes: ${error?.message}`];
  if (!proof) return [`WARNING: ${name} could not be compared with the stored changes: ${error?.message}`];
  const { before, transactions, datasets } = proof;
  if (outcome === 'equal') {
    const left = datasets.filter(({ state }) => state === 'not compared').length;
    const except = left === 0 ? '' : `, except in ${plural(left, 'dataset')} that could not be compared`;
    return [
      `${name} equals ${backupName(before)} plus ${plural(transactions, 'transaction')} of stored changes: no change was lost or doubled${except}`,
    ];
  }
  return [
    `WARNING: ${name} differs from ${backupName(before)} plus the stored changes between them. See holdfast show ${backupName(report ?? '')}`,
    ...datasets.filter(({ state }) => state === 'different').map(differingText),
  ];
}

function differingText({ dataset, columns, differing, differences }: DatasetProof): string {
  const rows = differences.slice(0, MOST_SAID).map(({ problem, key }) => {
    const values = columns.map((column, i) => `${column}=${key[i] ?? 'NULL'}`).join(' ');
    return `${values} is ${problem === 'other row' ? 'another row' : problem}`;
  });
  const more = differing > rows.length ? `, and ${differing - rows.length} more` : '';
  return `  ${dataset}: ${rows.join('; ')}${more}`;
}

/** A backup that nobody has proven after so long is proven by `pitr run`: the command that made it mostly does so at once. */
const PATIENCE_MS = 10 * MINUTE_MS;

/** Proves backups that others made: a function, the API, or a program that stopped too early. */
export class ProofDuty {
  readonly #session: CommandSession;
  readonly #source: ContinuousSource;
  /** Nothing is left to do about it. */
  #done: string | undefined;

  constructor(session: CommandSession, source: ContinuousSource) {
    this.#session = session;
    this.#source = source;
  }

  /** Looks at the newest backup. @throws E_ABORTED, E_STORE_* */
  async look(): Promise<void> {
    const { repository, io } = this.#session;
    const { signal } = io;
    const about = { source: this.#source, signal };
    for await (const { manifest } of basesOf(repository, about)) {
      const key = manifest.key as BackupKey;
      const ageMs = repository.clock.now().getTime() - Date.parse(manifest.finishedAt);
      if (key === this.#done || ageMs < PATIENCE_MS) return;
      if (!(await isProofReported(repository, key, signal)))
        await proveAfter(this.#session, this.#source, key);
      this.#done = key;
      return;
    }
  }
}
