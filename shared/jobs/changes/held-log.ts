import type { ChangesAnswer } from '../../api/schema/changes.ts';
import { type ContinuousSettings, resolveContinuous } from '../../config/continuous.ts';
import { SECOND_MS } from '../../core/units.ts';
import type { Env, SourceConfig } from '../source/adapters.ts';
import { openChangeSetup } from './openers.ts';

/** A page does not wait longer for a server that may be down. */
const MOST_MS = 5 * SECOND_MS;

/** How much of its log the server of a source holds for us, or why it could not be asked. @throws E_ABORTED */
export async function heldLog(
  place: SourceConfig & { readonly continuous?: ContinuousSettings },
  env: Env,
  signal: AbortSignal,
): Promise<NonNullable<ChangesAnswer['held']>> {
  const { mostHeldBytes: limitBytes } = place.continuous ?? resolveContinuous();
  const bounded = AbortSignal.any([signal, AbortSignal.timeout(MOST_MS)]);
  try {
    await using setup = await openChangeSetup(place, env);
    const { isSetUp, heldBytes, problem } = await setup.state(bounded);
    const unset = isSetUp ? null : 'it is not set up: run `holdfast pitr setup`';
    return { bytes: heldBytes ?? null, limitBytes, problem: problem ?? unset };
  } catch (error) {
    signal.throwIfAborted();
    const why = bounded.aborted ? `it did not answer within ${MOST_MS / SECOND_MS} seconds` : undefined;
    return {
      bytes: null,
      limitBytes,
      problem: why ?? (error instanceof Error ? error.message : String(error)),
    };
  }
}
