import { SECOND_MS } from '../../shared/core/units.ts';
import { type PollOptions, poller } from '../../shared/jobs/changes/poll.ts';
import { storedUpTo, whyBaseFor } from '../../shared/jobs/changes/stored-up-to.ts';
import type { ContinuousSource } from '../runtime/continuous.ts';
import type { Invocation } from '../runtime/invocation.ts';
import { type OpenedRepository, openConfigured } from '../runtime/settings.ts';
import { logger } from '../runtime/telemetry.ts';

/** A repository that stays open between invocations of one process, and what polls into it. */
export interface KeptPoller {
  readonly poll: ReturnType<typeof poller>;
  readonly store: OpenedRepository['store'];
  /** Up to when changes are stored; undefined if none are. */
  readAt(signal: AbortSignal): Promise<string | undefined>;
  /** How long ago a moment of the server's clock is; at least 0. */
  lagSeconds(readAt: string | undefined): number | undefined;
  /** Why what was stored since this was last asked needs a new backup; undefined if it does not. */
  takeBase(): string | undefined;
}

interface Kept extends KeptPoller {
  readonly source: string;
  readonly repository: OpenedRepository;
}

let kept: Kept | undefined;

/**
 * The same for all invocations of a process: keys are made once a day and opened once, not each minute, which would cost more than all
 * other requests together.
 *
 * @throws E_NO_REPOSITORY, E_STORE_*, E_KEY_*
 */
export async function keptPoller(source: ContinuousSource, invocation: Invocation): Promise<KeptPoller> {
  if (kept?.source === source.name) return kept;
  await forgetPoller();
  const repository = await openConfigured(invocation.config, invocation.signal);
  let base: string | undefined;
  const onSegment: PollOptions['onSegment'] = (segment) => {
    base ??= whyBaseFor(segment);
  };
  kept = {
    source: source.name,
    repository,
    store: repository.store,
    poll: poller(repository, {
      source,
      idleMs: source.continuous.idleMs,
      onSegment,
      onWarning: (message) => logger.warn(message, { source: source.name }),
    }),
    readAt: (signal) => storedUpTo(repository, source, signal),
    lagSeconds: (readAt) =>
      readAt === undefined
        ? undefined
        : Math.max(0, Math.round((repository.clock.now().getTime() - Date.parse(readAt)) / SECOND_MS)),
    takeBase: () => {
      const taken = base;
      base = undefined;
      return taken;
    },
  };
  return kept;
}

/** After an error the next invocation begins anew. */
export async function forgetPoller(): Promise<void> {
  const before = kept;
  kept = undefined;
  await before?.repository[Symbol.asyncDispose]();
}
