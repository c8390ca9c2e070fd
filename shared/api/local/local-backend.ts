import { knownBackupType } from '../../config/backup-types.ts';
import { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { type AuditRecord, writeAudit } from '../../jobs/access/audit.ts';
import { heldLog } from '../../jobs/changes/held-log.ts';
import { acceptBackups } from '../../jobs/retention/accept.ts';
import { type HoldResult, holdBackup, releaseBackup } from '../../jobs/retention/hold.ts';
import { cancelRun } from '../../jobs/runs/cancel-run.ts';
import { sourceNames } from '../../jobs/source/source-names.ts';
import { KINDS } from '../../sources/registry.ts';
import { type ApiKeyStore, keysOfRepository } from '../access/api-key-store.ts';
import { kindsJson } from '../presenters/kinds.ts';
import { momentJson } from '../presenters/moment-plan.ts';
import { mergedRuns } from '../presenters/recorded-runs.ts';
import type { AcceptAnswer, HoldAnswer } from '../schema/backups.ts';
import type { ChangesAnswer } from '../schema/changes.ts';
import type {
  DiffAnswer,
  DiffQuery,
  RowHistoryAnswer,
  RowHistoryQuery,
  RowsAnswer,
  RowsQuery,
} from '../schema/inside.ts';
import type { NotificationTestAnswer } from '../schema/notifications.ts';
import { pairingWarnings } from '../schema/pairing.ts';
import type {
  ApiRun,
  CopyBody,
  CreateBody,
  DownloadQuery,
  DrillBody,
  LockBody,
  RestoreBody,
  RunAnswer,
  RunStarted,
  VerifyBody,
} from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import type { Backend, Call, Download, PlannedRestore } from '../server/backend.ts';
import { parseBackup } from '../server/parse-backup.ts';
import type { RepositoryView } from '../server/repository-view.ts';
import { detailsOf, placeOf } from './asked-restore.ts';
import { downloadOf } from './download.ts';
import { LocalLooks } from './looks.ts';
import type { LocalBackendOptions } from './options.ts';
import { type NamedPlace, placeNamed } from './places.ts';
import { copyRun, lockRun, secondPlace } from './protect-runs.ts';
import type { LocalProtection } from './protection.ts';
import { type RestorePlace, restoreOptions } from './restore-place.ts';
import { restoreRun } from './restore-run.ts';
import { RowsRestores } from './rows-restore.ts';
import { backupRun, drillRun, verifyRun } from './runs.ts';
import type { Work } from './work.ts';

/** Does the work of the API in this process. */
export class LocalBackend implements Backend {
  readonly mode = 'local';
  readonly view: RepositoryView;
  readonly configured: StatusAnswer['configured'];
  readonly apiKeys: ApiKeyStore;
  readonly #options: LocalBackendOptions;
  readonly #looks: LocalLooks;
  readonly #rows: RowsRestores;

  constructor(options: LocalBackendOptions) {
    const { sources, targets, types } = options;
    const named = ({ name, kind }: NamedPlace) => ({ name, kind });
    this.#options = options;
    this.#looks = new LocalLooks(options, (call, record) => this.#audit(call, record));
    this.#rows = new RowsRestores(options, {
      audit: (call, record) => this.#audit(call, record),
      changing: (work) => this.#changing(work),
    });
    this.view = options.view;
    this.apiKeys = keysOfRepository(options.repository);
    this.configured = {
      sources: sources.map(named),
      targets: targets.map(named),
      newDatabases: KINDS.map(({ kind }) => kind).filter((kind) => hasServer(options, kind)),
      types: [...types.names],
      kinds: kindsJson(),
    };
  }

  get schedules(): StatusAnswer['schedules'] {
    return this.#options.schedules();
  }

  async health(signal: AbortSignal): Promise<readonly HoldfastError[]> {
    const { isEnabled, repository } = this.#options;
    if (!isEnabled) return [switchedOff()];
    try {
      await repository.store.head('repository.json', { signal });
      return [];
    } catch (error) {
      if (error instanceof HoldfastError) return [error];
      throw error;
    }
  }

  async held(source: string, { signal }: Call): Promise<ChangesAnswer['held']> {
    const { sources, env } = this.#options;
    return heldLog(placeNamed(sources, source, 'source'), env, signal);
  }

  async create(body: CreateBody, call: Call): Promise<RunStarted> {
    const { sources, types, isEnabled, tracker } = this.#options;
    if (!isEnabled) throw switchedOff();
    knownBackupType(body.type, types);
    const place = placeNamed(sources, body.source, 'source');
    const { note, noParent } = body;
    const asked = { ...(note === undefined ? {} : { note }), ...(noParent ? { noParent } : {}) };
    const about = { by: call.caller.name, source: place.name, type: body.type, asked };
    tracker.refuseBusy('backup', about);
    await this.#audit(call, { action: 'create', source: place.name, backups: [] });
    return { run: tracker.begin('backup', about, this.#changing(backupRun(this.#options, place, body))) };
  }

  async verify(body: VerifyBody, call: Call): Promise<RunStarted> {
    const backup = body.backup === undefined ? null : parseBackup(body.backup);
    if (backup) await this.#options.repository.readManifest(backup, call.signal);
    const { tracker } = this.#options;
    const { since, depth } = body;
    const asked = { depth, ...(since === undefined ? {} : { since }) };
    const about = { by: call.caller.name, backup, asked };
    tracker.refuseBusy('verify', about);
    await this.#audit(call, { action: 'verify', backups: backup ? [backup] : [] });
    return { run: tracker.begin('verify', about, this.#changing(verifyRun(this.#options, backup, body))) };
  }

  async drill(body: DrillBody, call: Call): Promise<RunStarted> {
    const backup = body.backup === undefined ? null : parseBackup(body.backup);
    if (backup) await this.#options.repository.readManifest(backup, call.signal);
    const { tracker } = this.#options;
    if (body.source !== undefined) await this.view.refuseUnknown(body.source, call.signal);
    const about = { by: call.caller.name, backup, source: body.source ?? null };
    tracker.refuseBusy('drill', about);
    await this.#audit(call, { action: 'drill', source: body.source, backups: backup ? [backup] : [] });
    return {
      run: tracker.begin(
        'drill',
        about,
        this.#changing(drillRun(this.#options, backup, { ...body, by: call.caller.name })),
      ),
    };
  }

  async copy({ place: name }: CopyBody, call: Call): Promise<RunStarted> {
    const place = secondPlace(this.#protection, name);
    const about = { by: call.caller.name, target: place.name ?? place.to };
    return this.#protect('copy', { about, work: copyRun(this.#options, this.#protection, place) }, call);
  }

  async lock(_: LockBody, call: Call): Promise<RunStarted> {
    const work = lockRun(this.#options, this.#protection);
    return this.#protect('lock', { about: { by: call.caller.name }, work }, call);
  }

  rows(key: BackupKey, query: RowsQuery, call: Call): Promise<RowsAnswer> {
    return this.#looks.rows(key, query, call);
  }

  diff(key: BackupKey, query: DiffQuery, call: Call): Promise<DiffAnswer> {
    return this.#looks.diff(key, query, call);
  }

  async rowHistory(query: RowHistoryQuery, call: Call): Promise<RowHistoryAnswer> {
    const source = query.source ?? placeNamed(this.#options.sources, undefined, 'source').name;
    await this.view.refuseUnknown(source, call.signal);
    return this.#looks.history({ ...query, source }, call);
  }

  async planRestore(body: RestoreBody, call: Call): Promise<PlannedRestore> {
    const { signal } = call;
    if (body.rows) {
      const of = parseBackup(body.backup ?? '');
      return { key: of, plan: await this.#rows.plan(of, body.rows, body, call) };
    }
    const { key, place } = await placeOf(this.#options, body, signal);
    const plan = await place.plan(restoreOptions(body, signal));
    if (body.dryRun) await this.#audit(call, { action: 'restore-plan', target: place.name, backups: [key] });
    const { datasets, steps, conflicts, drops, losses = [], warnings } = plan;
    const changes = body.dryRun ? await place.changes(plan, signal) : null;
    return {
      key,
      changes,
      moment: place.moment ? momentJson(place.moment) : null,
      plan: {
        target: plan.target,
        datasets: datasets.map(({ name, records, plainBytes }) => ({ name, records, plainBytes })),
        steps: [...steps],
        conflicts: [...conflicts],
        drops: [...drops],
        losses: [...losses],
        warnings: [...(await this.#pairing(place, key, signal)), ...warnings],
      },
    };
  }

  async restore(body: RestoreBody, call: Call): Promise<RunStarted> {
    const { tracker } = this.#options;
    if (body.rows) return this.#rows.restore(parseBackup(body.backup ?? ''), body.rows, body, call);
    const { key, place } = await placeOf(this.#options, body, call.signal);
    const by = call.caller.name;
    const about = { by, backup: key, target: place.name };
    tracker.refuseBusy('restore', about);
    const details = detailsOf(body);
    const record = { action: 'restore', target: place.name, backups: [key], details } as const;
    await this.#audit(call, record);
    const work = restoreRun(this.#options, { key, place, body, by, record });
    const run = tracker.begin('restore', about, this.#changing(work));
    return { run };
  }

  async hold(key: BackupKey, reason: string, { caller, signal }: Call): Promise<HoldAnswer> {
    return this.#decided(
      await holdBackup(this.#options.repository, key, { reason, by: caller.name, signal }),
    );
  }

  async release(key: BackupKey, reason: string, { caller, signal }: Call): Promise<HoldAnswer> {
    return this.#decided(
      await releaseBackup(this.#options.repository, key, { reason, by: caller.name, signal }),
    );
  }

  async accept(keys: readonly BackupKey[], reason: string, { caller, signal }: Call): Promise<AcceptAnswer> {
    const result = await acceptBackups(this.#options.repository, keys, { reason, by: caller.name, signal });
    this.view.changed();
    return { ...result, backups: [...result.backups] };
  }

  async testChannel(name: string, { signal }: Call): Promise<NotificationTestAnswer> {
    const { repository, notifier } = this.#options;
    const sent = await notifier.test(repository, name, signal);
    this.view.changed();
    return sent;
  }

  async runs(limit: number, { signal }: Call): Promise<readonly ApiRun[]> {
    return mergedRuns(this.#options.tracker.list(limit), await this.view.runs(signal), limit);
  }

  async run(id: string, { signal }: Call): Promise<RunAnswer> {
    const { tracker } = this.#options;
    return tracker.find(id) ?? (await this.view.run(id, signal)) ?? tracker.get(id);
  }

  /** For a run of another process: once, as nothing reports its changes here. */
  async *follow(id: string, call: Call): AsyncGenerator<RunAnswer> {
    const { tracker } = this.#options;
    if (tracker.find(id)) yield* tracker.follow(id, call.signal);
    else yield await this.run(id, call);
  }

  async cancel({ id, backup }: ApiRun, call: Call): Promise<void> {
    const backups = backup === null ? [] : [parseBackup(backup)];
    await this.#audit(call, { action: 'cancel', run: id, backups });
    const { repository, tracker } = this.#options;
    const by = call.caller.name;
    if (tracker.find(id)) tracker.cancel(id, by);
    else await cancelRun(repository, { run: id, by, signal: call.signal });
  }

  /** Waits until a run has ended. */
  over(id: string): Promise<RunAnswer> {
    return this.#options.tracker.over(id);
  }

  async download(key: BackupKey, query: DownloadQuery, call: Call): Promise<Download> {
    const audit = (record: Pick<AuditRecord, 'backups' | 'details'>) =>
      this.#audit(call, { action: 'download', ...record });
    return downloadOf(this.#options, { key, query, call, audit });
  }

  get #protection(): LocalProtection {
    return this.#options.protection ?? { policy: { days: {}, counts: {} } };
  }

  async #protect(
    kind: 'copy' | 'lock',
    {
      about,
      work,
    }: { readonly about: { readonly by: string; readonly target?: string }; readonly work: Work },
    call: Call,
  ): Promise<RunStarted> {
    const { tracker } = this.#options;
    tracker.refuseBusy(kind, about);
    await this.#audit(call, { action: kind, target: about.target, backups: [] });
    return { run: tracker.begin(kind, about, this.#changing(work)) };
  }

  #audit(call: Call, record: Omit<AuditRecord, 'by' | 'outcome'>): Promise<string> {
    const { repository } = this.#options;
    return writeAudit(repository, { by: call.caller.name, outcome: 'begun', ...record }, call.signal);
  }

  async #pairing({ name, location, isNew }: RestorePlace, key: BackupKey, signal: AbortSignal) {
    if (isNew) return [];
    const { repository, sources, env } = this.#options;
    const { name: source } = (await repository.readManifest(key, signal)).source;
    return pairingWarnings({ name, location }, source, await sourceNames(sources, env));
  }

  #decided({ key, reason, before, report }: HoldResult): HoldAnswer {
    this.view.changed();
    return {
      key,
      reason,
      before: before ? { reason: before.reason, at: before.at.toISOString() } : null,
      report,
    };
  }

  /** The same work; afterwards, what is remembered of the repository is read again. */
  #changing<A, T>(work: (given: A) => Promise<T>): (given: A) => Promise<T> {
    return async (given) => {
      try {
        return await work(given);
      } finally {
        this.view.changed();
      }
    };
  }
}

function hasServer({ drillServer }: LocalBackendOptions, kind: string): boolean {
  try {
    drillServer(kind);
    return true;
  } catch {
    return false;
  }
}

function switchedOff(): HoldfastError {
  return new HoldfastError('E_CONFIG', 'backups are switched off: ENABLE_BACKUPS is false', {
    hint: 'Remove the variable.',
  });
}
