import { abortedError } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { sleep } from '../../core/sleep.ts';
import { SECOND_MS } from '../../core/units.ts';
import { RunDocuments } from '../../repository/documents/run-documents.ts';
import type { Repository } from '../../repository/repository.ts';
import { abortBackup } from '../backup/abort-backup.ts';
import { PLAN } from '../backup/run-plan.ts';

/** Name of the document that asks a run to stop. */
const CANCEL = 'cancel';
/** How soon a run notices. A check costs one request. */
const LOOK_EVERY_MS = 5 * SECOND_MS;

/**
 * Asks a run of another process to stop. Repeatable: the first to ask is named.
 *
 * @param options.run 32 hex digits
 * @throws E_USAGE, E_NO_KEY, E_STORE_*
 */
export async function askToCancel(
  repository: Repository,
  { run, by, signal }: { readonly run: string; readonly by: string; readonly signal: AbortSignal },
): Promise<void> {
  await new RunDocuments(repository.context, run).putFirst(CANCEL, 'cancel', { by }, signal);
}

/**
 * Stops a run, given only its id. A backup in shares is given up too: no commit lists it.
 *
 * @throws E_USAGE, E_NO_KEY, E_STORE_*
 */
export async function cancelRun(
  repository: Repository,
  { run, by, signal }: { readonly run: string; readonly by: string; readonly signal: AbortSignal },
): Promise<void> {
  await askToCancel(repository, { run, by, signal });
  const plan = await new RunDocuments(repository.context, run).get(PLAN, 'plan', signal);
  if (plan) await abortBackup(repository, { run, reason: `cancelled by ${by}`, signal });
}

/** Checks whether somebody cancelled a run. */
export interface CancelWatch extends Disposable {
  /** Aborted when somebody cancels the run, or with the given signal. */
  readonly signal: AbortSignal;
  /** Who has cancelled it; undefined if nobody has. */
  readonly by: string | undefined;
}

/**
 * Checks now and then whether somebody has cancelled a run. A failed check means nothing: the run goes on.
 */
export function watchForCancel(
  repository: Repository,
  run: string,
  {
    signal,
    everyMs = LOOK_EVERY_MS,
    onCancel = () => {},
  }: {
    readonly signal: AbortSignal;
    readonly everyMs?: number;
    /** Receives who has cancelled it. */
    readonly onCancel?: (by: string) => void;
  },
): CancelWatch {
  const documents = new RunDocuments(repository.context, run);
  const cancel = new AbortController();
  const over = new AbortController();
  let by: string | undefined;
  const look = async () => {
    const watching = AbortSignal.any([signal, over.signal]);
    while (by === undefined) {
      await sleep(everyMs, watching);
      const found = await documents.get(CANCEL, 'cancel', watching).catch((error: unknown) => {
        if (isHoldfastError(error)) return undefined;
        throw error;
      });
      by = found?.by;
    }
    onCancel(by);
    cancel.abort(new HoldfastError('E_ABORTED', `cancelled by ${by}`));
  };
  look().catch(() => {});
  return {
    signal: AbortSignal.any([signal, cancel.signal]),
    get by() {
      return by;
    },
    [Symbol.dispose]: () => over.abort(abortedError(undefined)),
  };
}
