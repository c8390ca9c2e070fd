import type {
  BackupDetailAnswer,
  ListAnswer,
  ListQuery,
  RetentionAnswer,
  RetentionQuery,
} from '../core/api-backups.ts';
import type { AuditAnswer, AuditQuery, StorageAnswer } from '../core/api-status.ts';
import type { PruneSettings, RetentionPolicy } from '../core/config-retention.ts';
import type { BackupKey } from '../core/ids.ts';
import { MINUTE_MS, SECOND_MS } from '../core/units.ts';
import { readOverview } from '../jobs/status.ts';
import type { Repository } from '../repository/repository.ts';
import { Remembered } from './remembered.ts';
import { auditPage } from './view/audit.ts';
import { readDetail } from './view/detail.ts';
import { listPage } from './view/list-page.ts';
import { type Protection, type ProtectionOptions, readProtection } from './view/protection.ts';
import { planRetention, type RetentionPlan, retentionPage } from './view/retention.ts';
import { type RepositoryPart, statusOf } from './view/status.ts';
import { storageOf } from './view/storage.ts';

/** What reads every manifest is read again no sooner than this, unless something was done meanwhile. */
const KEPT_MS = 30 * SECOND_MS;
/** Locks and second places change by the day. */
const PROTECTION_KEPT_MS = 5 * MINUTE_MS;

export interface ViewOptions {
  /** Over a store that keeps small objects in memory (`CachingStore`), with or without a key. */
  readonly repository: Repository;
  readonly retention: RetentionPolicy;
  readonly prune: PruneSettings;
  /** @default neither locks nor second places */
  readonly protection?: ProtectionOptions | undefined;
}

/** All that the API reads of a repository, the same on a machine and in AWS. Needs no key. */
export class RepositoryView {
  readonly #options: ViewOptions;
  readonly #overview: Remembered<Awaited<ReturnType<typeof readOverview>>>;
  readonly #plan: Remembered<RetentionPlan>;
  readonly #protection: Remembered<Protection>;

  constructor(options: ViewOptions) {
    const { repository, retention: policy, prune, protection = {} } = options;
    const { clock } = repository;
    this.#options = options;
    this.#overview = new Remembered((signal) => readOverview(repository, signal), KEPT_MS, clock);
    this.#plan = new Remembered(
      (signal) => planRetention(repository, { policy, prune }, signal),
      KEPT_MS,
      clock,
    );
    this.#protection = new Remembered(
      async (signal) => {
        const { sources } = (await this.#overview.get(signal)).status;
        return readProtection(repository, protection, { sources, signal });
      },
      PROTECTION_KEPT_MS,
      clock,
    );
  }

  list(query: ListQuery, signal: AbortSignal): Promise<ListAnswer> {
    return listPage(this.#options.repository, query, signal);
  }

  async backup(key: BackupKey, signal: AbortSignal): Promise<BackupDetailAnswer> {
    const { decisions } = await this.#plan.get(signal);
    const decision = decisions.find((one) => one.key === key);
    const retention = decision ? { keep: decision.keep, reasons: [...decision.reasons] } : null;
    return readDetail(this.#options.repository, key, retention, signal);
  }

  async status(signal: AbortSignal): Promise<RepositoryPart & Protection> {
    const { status, backups } = await this.#overview.get(signal);
    const protection = await this.#protection.get(signal);
    return { ...statusOf(status, backups, this.#options.repository.clock.now()), ...protection };
  }

  async retention(query: RetentionQuery, signal: AbortSignal): Promise<RetentionAnswer> {
    return retentionPage(await this.#plan.get(signal), this.#options.retention, query);
  }

  async storage(signal: AbortSignal): Promise<StorageAnswer> {
    const { status, backups } = await this.#overview.get(signal);
    return storageOf(status, backups, this.#options.repository.clock.now());
  }

  audit(query: AuditQuery, signal: AbortSignal): Promise<AuditAnswer> {
    return auditPage(this.#options.repository, query, signal);
  }

  /** Something was done: what is remembered is read anew. */
  changed(): void {
    this.#overview.forget();
    this.#plan.forget();
    this.#protection.forget();
  }
}
