import type { NotifyChannel } from '../../config/notifications.ts';
import type { PruneSettings, RetentionPolicy } from '../../config/retention.ts';
import { DAY_MS, MINUTE_MS, SECOND_MS } from '../../core/units.ts';
import { CALENDAR_DAYS } from '../../jobs/calendar/calendars.ts';
import { failingChannels } from '../../jobs/notify/deliveries.ts';
import { type PruneHistory, readPruneHistory } from '../../jobs/retention/prune-history.ts';
import type { Naming } from '../../jobs/source/naming.ts';
import { measurePacks, type PackFigures, readOverview } from '../../jobs/status/status.ts';
import type { FailingChannel } from '../../jobs/verdict/facts.ts';
import type { FactsInput } from '../../jobs/verdict/facts-of.ts';
import { readRunFacts } from '../../jobs/verdict/run-facts.ts';
import type { Repository } from '../../repository/repository.ts';
import { type Protection, type ProtectionOptions, readProtection } from '../presenters/protection.ts';
import { newestRuns } from '../presenters/recorded-runs.ts';
import { presentRetention, type RetentionPlan } from '../presenters/retention.ts';
import type { RunAnswer } from '../schema/runs.ts';
import { ChangesView } from './changes-view.ts';
import { Remembered } from './remembered.ts';

/**
 * Results that need every manifest are computed again no sooner than this, unless something was changed
 * meanwhile.
 */
const KEPT_MS = 30 * SECOND_MS;
/** Locks and second places change daily. */
const PROTECTION_KEPT_MS = 5 * MINUTE_MS;

/** Pages ask for runs every few seconds. */
const RUNS_KEPT_MS = 10 * SECOND_MS;
const MOST_RUNS = 200;

async function readAll(repository: Repository, naming: Naming | undefined, signal: AbortSignal) {
  const [overview, runs] = await Promise.all([
    readOverview(repository, signal, naming),
    readRunFacts(repository, signal, naming),
  ]);
  return { ...overview, runs };
}

/** What is read, and with what. */
export interface KeptOptions {
  /** Over a store that keeps small objects in memory (`CachingStore`), with or without a key. */
  readonly repository: Repository;
  readonly retention: RetentionPolicy;
  readonly prune: PruneSettings;
  /** Reads what change segments say: over the same store, if only its key opens them. @default `repository` */
  readonly changes?: Repository | undefined;
  /** What a verdict needs besides stored data. */
  readonly safety: Pick<FactsInput, 'config' | 'runsDefaults'>;
  /** @default names as stored */
  readonly naming?: Naming | undefined;
  /** @default neither locks nor second places */
  readonly protection?: ProtectionOptions | undefined;
  /** Channels to notify of changes. @default none */
  readonly channels?: readonly NotifyChannel[] | undefined;
}

/** What requests have read of a repository, for as long as it may be shown again. */
export class KeptFacts {
  readonly overview: Remembered<Awaited<ReturnType<typeof readAll>>>;
  readonly packs: Remembered<PackFigures>;
  readonly plan: Remembered<RetentionPlan>;
  readonly runs: Remembered<readonly RunAnswer[]>;
  readonly protection: Remembered<Protection>;
  readonly prunes: Remembered<PruneHistory>;
  readonly failing: Remembered<readonly FailingChannel[]>;
  readonly changes: ChangesView;

  constructor(options: KeptOptions) {
    const { repository, retention: policy, prune, naming, protection = {}, channels = [] } = options;
    const { clock } = repository;
    const kept = <T>(read: (signal: AbortSignal) => Promise<T>, keptMs = KEPT_MS) =>
      new Remembered(read, keptMs, clock);
    this.overview = kept((signal) => readAll(repository, naming, signal));
    this.packs = kept(async (signal) =>
      measurePacks(repository, (await this.overview.get(signal)).namedPacks, signal),
    );
    this.runs = kept((signal) => newestRuns(repository, MOST_RUNS, signal), RUNS_KEPT_MS);
    this.changes = new ChangesView({
      repository,
      changes: options.changes ?? repository,
      sources: options.safety.config.sources,
    });
    this.failing = kept((signal) => failingChannels(repository, channels, signal));
    this.plan = kept((signal) =>
      presentRetention(repository, { policy, prune, naming, locks: protection.locks }, signal),
    );
    this.prunes = kept((signal) => {
      const since = new Date(clock.now().getTime() - CALENDAR_DAYS * DAY_MS);
      return readPruneHistory(repository, { since, naming, signal });
    });
    this.protection = kept(async (signal) => {
      const { sources } = (await this.overview.get(signal)).status;
      return readProtection(repository, protection, { sources, signal });
    }, PROTECTION_KEPT_MS);
  }

  /** All of it is read again. */
  forget(): void {
    const { overview, packs, plan, runs, protection, prunes, failing, changes } = this;
    for (const one of [overview, packs, plan, runs, protection, prunes, failing, changes]) one.forget();
  }
}
