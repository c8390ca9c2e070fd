import * as z from 'zod';
import { HoldfastError } from '../../shared/core/errors.ts';
import { openChangeSetup } from '../../shared/jobs/changes/openers.ts';
import { type ContinuousSource, continuousSources } from '../runtime/continuous.ts';
import { examinedChanges } from '../runtime/doctor-changes.ts';
import { defineFunction } from '../runtime/function.ts';
import { toFunctionError } from '../runtime/function-error.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { openPlace } from '../runtime/places.ts';
import { logger, publishMetrics } from '../runtime/telemetry.ts';

const Event = z.strictObject({});

/** What was found at one server. */
interface Watched {
  readonly source: string;
  readonly heldBytes: number | null;
  /** Its server was told to let go of its log, so that changes are lost. */
  readonly didLetGo: boolean;
  /** Code of why it could not be asked. */
  readonly error: string | null;
}

/**
 * Makes servers release the log that they hold for polls before it fills their disks. It relies on nothing that polls rely on: it opens
 * no repository, and has no key.
 */
export const handler = defineFunction(Event, watchAll, { isApart: true, places: examinedChanges });

async function watchAll(_: z.infer<typeof Event>, { config, signal }: Invocation) {
  const sources = await Promise.all(continuousSources(config).map((source) => watch(source, signal)));
  const failed = sources.filter(({ error }) => error !== null);
  if (failed.length === 0) return { sources };
  const names = failed.map(({ source, error }) => `${source} (${error})`).join(', ');
  throw new HoldfastError(
    'E_SOURCE_UNREACHABLE',
    `the log that servers keep for ${names} could not be checked`,
    {
      hint: 'The log of this function says why. Until it runs again, watch the disks of these servers.',
    },
  );
}

/** A server that cannot be asked keeps nobody from asking the others. */
async function watch(source: ContinuousSource, signal: AbortSignal): Promise<Watched> {
  const { name, continuous } = source;
  try {
    const { config, env } = await openPlace(source, signal);
    await using setup = await openChangeSetup(config, env);
    const { heldBytes } = await setup.state(signal);
    const { mostHeldBytes, mostIdleMs } = continuous;
    const didLetGo = await setup.letGo({ mostHeldBytes, mostIdleMs }, signal);
    if (didLetGo)
      logger.error('the server was told to release its log, so changes are lost', {
        source: name,
        heldBytes,
      });
    publishMetrics(name, { HeldBytes: heldBytes, ...(didLetGo ? { ChangeGaps: 1 } : {}) });
    return { source: name, heldBytes: heldBytes ?? null, didLetGo, error: null };
  } catch (error) {
    const { name: code, message } = toFunctionError(error, signal);
    logger.error(message, { source: name, code });
    return { source: name, heldBytes: null, didLetGo: false, error: code };
  }
}
