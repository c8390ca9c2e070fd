import { HoldfastError } from '../../core/errors.ts';
import type { StoragePrice } from '../../core/forecast.ts';
import { type BackupKey, parseBackupKey } from '../../core/ids.ts';
import { calendarsOf } from '../../jobs/calendar/calendars.ts';
import { readChannels } from '../../jobs/notify/deliveries.ts';
import { type Outlook, outlookOf } from '../../jobs/notify/outlook.ts';
import { findRun } from '../../jobs/runs/run-history.ts';
import { AS_STORED } from '../../jobs/source/naming.ts';
import type { SafetyFacts } from '../../jobs/verdict/facts.ts';
import { factsOf } from '../../jobs/verdict/facts-of.ts';
import { type Verdict, verdictOf } from '../../jobs/verdict/verdict.ts';
import { type AuditSelection, auditEntries, auditPage } from '../presenters/audit.ts';
import { auditFile } from '../presenters/audit-file.ts';
import { readDetail } from '../presenters/detail.ts';
import { type DrillFile, drillDetail, drillFile, drillsPage } from '../presenters/drills.ts';
import { listPage } from '../presenters/list-page.ts';
import { notificationsOf } from '../presenters/notifications.ts';
import { protectionOf } from '../presenters/protection.ts';
import { recordedRun } from '../presenters/recorded-runs.ts';
import { retentionPage } from '../presenters/retention.ts';
import { isSearch, searchPage } from '../presenters/search-page.ts';
import { presentStatus, type RepositoryPart } from '../presenters/status.ts';
import { storageOf } from '../presenters/storage.ts';
import type {
  BackupDetailAnswer,
  ListAnswer,
  ListQuery,
  RetentionAnswer,
  RetentionQuery,
} from '../schema/backups.ts';
import type { ChangesAnswer } from '../schema/changes.ts';
import type { DrillAnswer, DrillsAnswer, DrillsQuery } from '../schema/drills.ts';
import type { NotificationsAnswer } from '../schema/notifications.ts';
import type { RunAnswer } from '../schema/runs.ts';
import type {
  AuditAnswer,
  AuditEntry,
  AuditExportQuery,
  AuditQuery,
  StorageAnswer,
} from '../schema/status.ts';
import type { AskServer } from './changes-view.ts';
import { KeptFacts, type KeptOptions } from './kept-facts.ts';
import { unknownName } from './unknown-name.ts';

/** What a view of a repository opens, and how long it is kept. */
export interface ViewOptions extends KeptOptions {
  /** Names that requests may use. @default the configured sources */
  readonly names?: readonly string[] | undefined;
  /** Storage price. @default not known */
  readonly price?: StoragePrice | undefined;
}

/** The view of a caller with some sources. */
interface Scope {
  readonly sources: readonly string[];
  /** Remembers what is read of the repository. */
  readonly of: RepositoryView;
  /** The caller's name in the audit trail. */
  readonly name: string;
}

type StatusPart = RepositoryPart & ReturnType<typeof protectionOf>;

/** Everything that the API reads of a repository, the same on a machine and on AWS. Needs no key. */
export class RepositoryView {
  readonly #options: ViewOptions;
  readonly #scope: Scope | undefined;
  /** Views of some sources share it. */
  readonly #kept: KeptFacts;

  constructor(options: ViewOptions, scope?: Scope) {
    const repository = scope ? options.repository : options.repository.forViews({ remembers: true });
    this.#options = { ...options, repository };
    this.#scope = scope;
    this.#kept = scope ? scope.of.#kept : new KeptFacts(this.#options);
  }

  /** The same repository for a caller with these sources: everything else does not exist. */
  of(sources: readonly string[], name: string): RepositoryView {
    return new RepositoryView(this.#options, { sources, name, of: this });
  }

  async list(query: ListQuery, signal: AbortSignal): Promise<ListAnswer> {
    if (query.source !== undefined) await this.refuseUnknown(query.source, signal);
    const { repository, naming } = this.#options;
    if (!isSearch(query) && !this.#scope) return listPage(repository, query, { naming, signal });
    const { backups } = await this.#kept.overview.get(signal);
    return searchPage(
      backups.filter(({ source }) => this.#sees(source.name)),
      query,
    );
  }

  /** @throws E_NO_BACKUP for one of another source, as if it did not exist; without a scope never */
  async refuseHidden(key: BackupKey, signal: AbortSignal): Promise<void> {
    if (!this.#scope) return;
    const { repository, naming = AS_STORED } = this.#options;
    const found = await repository.inspectIfListed(key, signal);
    const stored = found?.manifest?.source.name;
    const name = stored === undefined ? undefined : (await naming([stored]))(stored);
    if (name !== undefined && this.#sees(name)) return;
    throw new HoldfastError('E_NO_BACKUP', `there is no backup ${key}`, {
      hint: 'GET /list shows the existing ones.',
    });
  }

  /** Whether a run concerns a visible source: its own, or that of its backup. */
  async seesRun(
    { source, backup }: Pick<RunAnswer, 'source' | 'backup'>,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (!this.#scope) return true;
    const { repository, naming = AS_STORED } = this.#options;
    if (source !== null) return this.#sees((await naming([source]))(source));
    const { backups } = await this.#kept.overview.get(signal);
    const listed = backups.find(({ key }) => key === backup);
    if (listed) return this.#sees(listed.source.name);
    const key = backup === null ? undefined : parseBackupKey(backup);
    if (!key) return false;
    const found = await repository.inspectIfListed(backup as BackupKey, signal);
    const stored = found?.manifest?.source.name;
    return stored !== undefined && this.#sees((await naming([stored]))(stored));
  }

  #sees(source: string): boolean {
    return !this.#scope || this.#scope.sources.includes(source);
  }

  /**
   * Allows configured names, and those of backups whose source is no longer configured. @throws
   * E_UNKNOWN_NAME for any other
   */
  async refuseUnknown(source: string, signal: AbortSignal): Promise<void> {
    const { safety, names = safety.config.sources.map(({ name }) => name) } = this.#options;
    if (names.includes(source) && this.#sees(source)) return;
    const { status } = await this.#kept.overview.get(signal);
    const stored = status.sources.map((one) => one.source.name);
    const known = [...names, ...stored].filter((name) => this.#sees(name));
    if (!known.includes(source)) throw unknownName('source', source, known);
  }

  /**
   * What is stored of the changes of a source.
   *
   * @param askServer how much of its log the server holds; null if it cannot be asked
   * @throws E_UNKNOWN_NAME, 404 if its changes are not backed up, E_DAMAGED, E_STORE_*
   */
  async changes(name: string, askServer: AskServer, signal: AbortSignal): Promise<ChangesAnswer> {
    await this.refuseUnknown(name, signal);
    return this.#kept.changes.answer(name, { facts: await this.#facts(signal), askServer, signal });
  }

  async backup(key: BackupKey, signal: AbortSignal): Promise<BackupDetailAnswer> {
    await this.refuseHidden(key, signal);
    const { decisions } = await this.#kept.plan.get(signal);
    const decision = decisions.find((one) => one.key === key);
    const retention = decision ? { keep: decision.keep, reasons: [...decision.reasons] } : null;
    const detail = await readDetail(this.#options.repository, key, retention, signal);
    const nameOf = await (this.#options.naming ?? AS_STORED)([detail.source.name]);
    return { ...detail, source: { ...detail.source, name: nameOf(detail.source.name) } };
  }

  async status(signal: AbortSignal): Promise<StatusPart> {
    const { status, backups } = await this.#kept.overview.get(signal);
    const protection = await this.#kept.protection.get(signal);
    const facts = await this.#facts(signal);
    const seen = backups.filter(({ source }) => this.#sees(source.name));
    const { locked, copies } = protectionOf(protection);
    if (!this.#scope) return { ...presentStatus(status, backups, facts), locked, copies };
    return {
      ...presentStatus(status, seen, facts),
      locked: locked?.filter(({ source }) => this.#sees(source)) ?? null,
      // How far they are behind concerns all sources.
      copies: [],
    };
  }

  /** The same as in `status`. */
  async verdict(signal: AbortSignal): Promise<Verdict> {
    return verdictOf(await this.#facts(signal));
  }

  async retention(query: RetentionQuery, signal: AbortSignal): Promise<RetentionAnswer> {
    return retentionPage(await this.#kept.plan.get(signal), this.#options.retention, query);
  }

  async storage(signal: AbortSignal): Promise<StorageAnswer> {
    const [{ status, backups, runs }, prunes, packs] = await Promise.all([
      this.#kept.overview.get(signal),
      this.#kept.prunes.get(signal),
      this.#kept.packs.get(signal),
    ]);
    const { repository, safety, retention: policy, price } = this.#options;
    const now = repository.clock.now();
    const calendars = calendarsOf({ ...safety, policy, backups, runs, prunes, now });
    return storageOf({ ...status, ...packs }, { backups, runs, calendars, prunes, price }, now);
  }

  async notifications(signal: AbortSignal): Promise<NotificationsAnswer> {
    const { repository, channels = [] } = this.#options;
    return notificationsOf(await readChannels(repository, channels, signal));
  }

  /** What notifications go by. */
  async outlook(signal: AbortSignal): Promise<Outlook> {
    const { backups } = await this.#kept.overview.get(signal);
    const repository = this.#options.repository.store.location;
    return outlookOf(await this.#facts(signal), { repository, backups });
  }

  /** The newest runs of the history, newest first. */
  runs(signal: AbortSignal): Promise<readonly RunAnswer[]> {
    return this.#kept.runs.get(signal);
  }

  /** A run of the history; undefined if there is none. */
  async run(id: string, signal: AbortSignal): Promise<RunAnswer | undefined> {
    const found = await findRun(this.#options.repository, id, signal);
    return found && recordedRun(found);
  }

  async audit(query: AuditQuery, signal: AbortSignal): Promise<AuditAnswer> {
    return auditPage(this.#options.repository, query, await this.#auditOptions(query, signal));
  }

  /** The trail as a file, streamed. @throws E_UNKNOWN_NAME */
  async auditFile(
    { format, ...filter }: AuditExportQuery,
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const options = await this.#auditOptions(filter, signal);
    return auditFile(auditEntries(this.#options.repository, filter, options), format);
  }

  async drills(query: DrillsQuery, signal: AbortSignal): Promise<DrillsAnswer> {
    if (query.source !== undefined) await this.refuseUnknown(query.source, signal);
    return drillsPage(this.#options.repository, query, this.#drillOptions(signal));
  }

  drill(name: string, signal: AbortSignal): Promise<DrillAnswer> {
    return drillDetail(this.#options.repository, name, this.#drillOptions(signal));
  }

  /** The report of a drill as a file. */
  drillReport(name: string, signal: AbortSignal): Promise<DrillFile> {
    return drillFile(this.#options.repository, name, this.#drillOptions(signal));
  }

  #drillOptions(signal: AbortSignal) {
    const { naming = AS_STORED } = this.#options;
    const isSeen = (source: string | undefined) =>
      !this.#scope || (source !== undefined && this.#sees(source));
    return { naming, isSeen, signal };
  }

  async #auditOptions({ source }: AuditSelection, signal: AbortSignal) {
    if (source !== undefined) await this.refuseUnknown(source, signal);
    const { backups } = await this.#kept.overview.get(signal);
    const names = new Map<string, string>(backups.map((one) => [one.key, one.source.name]));
    const { naming = AS_STORED } = this.#options;
    const scope = this.#scope;
    const isOwn = (name: string | undefined) => name !== undefined && this.#sees(name);
    // A caller with some sources sees their own actions, and actions on only these sources.
    const isSeen = ({ by, sources, backups: of }: AuditEntry) =>
      by === scope?.name ||
      (sources.length > 0 && sources.every(isOwn) && of.every((key) => isOwn(names.get(key))));
    const sources = { sourceOf: (key: string) => names.get(key), naming };
    return { sources, isSeen: scope && isSeen, signal };
  }

  async #facts(signal: AbortSignal): Promise<SafetyFacts> {
    const { repository, safety } = this.#options;
    const { status, backups, runs } = await this.#kept.overview.get(signal);
    const protection = await this.#kept.protection.get(signal);
    const facts = factsOf({
      status,
      backups,
      runs,
      ...safety,
      ...protection,
      changes: await this.#kept.changes.standings(signal),
      failingChannels: this.#scope ? undefined : await this.#kept.failing.get(signal),
      at: repository.clock.now(),
      isProven: repository.isProving,
    });
    return this.#scope ? { ...facts, sources: facts.sources.filter(({ name }) => this.#sees(name)) } : facts;
  }

  /** Something was changed: what is remembered is read again. */
  changed(): void {
    this.#kept.forget();
  }
}
