import { randomBytes } from 'node:crypto';
import { type BackupTypes, knownBackupType } from '../../config/backup-types.ts';
import { resolveContinuous } from '../../config/continuous.ts';
import type { NotifyChannel } from '../../config/notifications.ts';
import { hasRole } from '../../core/api-names.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { MINUTE_MS } from '../../core/units.ts';
import { channelNamed } from '../../jobs/notify/notifier.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ApiKeyStore } from '../access/api-key-store.ts';
import type { ExportLinks } from '../local/options.ts';
import { mergedRuns } from '../presenters/recorded-runs.ts';
import { AcceptAnswer, HoldAnswer } from '../schema/backups.ts';
import { ChangesAnswer } from '../schema/changes.ts';
import {
  DiffAnswer,
  type DiffQuery,
  RowHistoryAnswer,
  type RowHistoryQuery,
  RowsAnswer,
  type RowsQuery,
  TargetChanges,
} from '../schema/inside.ts';
import { NotificationTestAnswer } from '../schema/notifications.ts';
import {
  ApiMomentPlan,
  ApiRestorePlan,
  type ApiRun,
  type CreateBody,
  type DownloadQuery,
  type DrillBody,
  type RestoreBody,
  type RunAnswer,
  type RunStarted,
  type VerifyBody,
} from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import { ApiError } from '../server/api-error.ts';
import type { Backend, Call, Download, PlannedRestore } from '../server/backend.ts';
import { parseBackup } from '../server/parse-backup.ts';
import type { RepositoryView } from '../server/repository-view.ts';
import { unknownName } from '../server/unknown-name.ts';
import { keysOfFunction } from './aws-api-keys.ts';
import { detailOfExecution, runOfAudit, runOfExecution } from './aws-runs.ts';
import type { ApiFunction, AwsServices } from './aws-services.ts';

/** How much of its log a server holds is not asked again so soon. */
const HELD_MS = MINUTE_MS;
/** Longest name of a caller in reports. */
const MOST_NAME_CHARS = 256;

/** What the backend on AWS looks into and begins. */
export interface AwsBackendOptions {
  /** Without a key: it lists, and reads manifests and reports. */
  readonly repository: Repository;
  readonly view: RepositoryView;
  readonly services: AwsServices;
  readonly links: Pick<ExportLinks, 'link'>;
  readonly types: BackupTypes;
  readonly channels: readonly NotifyChannel[];
  readonly configured: StatusAnswer['configured'];
  readonly schedules: StatusAnswer['schedules'];
}

/** Has functions and a state machine on AWS do the work of the API. Holds no key, and removes nothing. */
export class AwsBackend implements Backend {
  readonly mode = 'aws';
  readonly view: RepositoryView;
  readonly configured: StatusAnswer['configured'];
  readonly schedules: StatusAnswer['schedules'];
  readonly apiKeys: ApiKeyStore;
  readonly #options: AwsBackendOptions;
  readonly #held = new Map<string, { readonly value: ChangesAnswer['held']; readonly until: number }>();

  constructor(options: AwsBackendOptions) {
    this.#options = options;
    this.view = options.view;
    this.configured = options.configured;
    this.schedules = options.schedules;
    this.apiKeys = keysOfFunction(options.services);
  }

  async health(signal: AbortSignal): Promise<readonly HoldfastError[]> {
    try {
      await this.#options.repository.store.head('repository.json', { signal });
      return [];
    } catch (error) {
      if (isHoldfastError(error)) return [error];
      throw error;
    }
  }

  /** The function that logs in to sources asks. A page that shows it asks often, and each time would be a call. */
  async held(source: string, call: Call): Promise<ChangesAnswer['held']> {
    const known = this.#held.get(source);
    const now = this.#options.repository.clock.now().getTime();
    if (known && known.until > now) return known.value;
    const value = await this.#askHeld(source, call);
    this.#held.set(source, { value, until: now + HELD_MS });
    return value;
  }

  /** A page shows the rest if the server, or the function, cannot be asked. */
  async #askHeld(source: string, call: Call): Promise<ChangesAnswer['held']> {
    try {
      return ChangesAnswer.shape.held.parse(await this.#look({ what: 'held', source }, call));
    } catch (error) {
      call.signal.throwIfAborted();
      const problem = error instanceof Error ? error.message : String(error);
      return { bytes: null, limitBytes: resolveContinuous().mostHeldBytes, problem };
    }
  }

  async create({ source, type, note, noParent }: CreateBody, call: Call): Promise<RunStarted> {
    const run = call.run ?? randomBytes(16).toString('hex');
    knownBackupType(type, this.#options.types);
    const name = this.#named('sources', source, 'source');
    const input = {
      source: name,
      type,
      ...(note === undefined ? {} : { note }),
      ...(noParent ? { noParent } : {}),
    };
    await this.#audit({ action: 'create', backups: [], source: name, run }, call);
    await this.#options.services.start('backup', { name: run, input, signal: call.signal });
    return { run };
  }

  async verify({ backup, since, depth }: VerifyBody, call: Call): Promise<RunStarted> {
    const run = call.run ?? randomBytes(16).toString('hex');
    const input = { ...(backup === undefined ? { since } : { backup: parseBackup(backup) }), depth };
    await this.#audit(
      { action: 'verify', backups: backup === undefined ? [] : [parseBackup(backup)], run },
      call,
    );
    await this.#options.services.start('verify', { name: run, input, signal: call.signal });
    return { run };
  }

  async drill({ source, backup, noMoment = false }: DrillBody, call: Call): Promise<RunStarted> {
    const name = this.#named('sources', source, 'source');
    const event = {
      source: name,
      ...(backup === undefined ? {} : { backup: parseBackup(backup) }),
      ...(noMoment ? { noMoment } : {}),
      requestedBy: nameOf(call.caller),
    };
    return { run: await this.#options.services.begin('drill', event, call.signal) };
  }

  copy(): Promise<RunStarted> {
    return Promise.reject(byFunction('copy'));
  }

  lock(): Promise<RunStarted> {
    return Promise.reject(byFunction('lock'));
  }

  /** The function refuses those who may not see rows as they are, if nothing masks them. */
  async rows(key: BackupKey, query: RowsQuery, call: Call): Promise<RowsAnswer> {
    const masking = hasRole(call.caller.roles, 'restorer') ? {} : { isMasked: true };
    return RowsAnswer.parse(await this.#look({ what: 'rows', backup: key, query, ...masking }, call));
  }

  async diff(key: BackupKey, query: DiffQuery, call: Call): Promise<DiffAnswer> {
    return DiffAnswer.parse(await this.#look({ what: 'diff', backup: key, query }, call));
  }

  async rowHistory(query: RowHistoryQuery, call: Call): Promise<RowHistoryAnswer> {
    const source = query.source ?? this.#named('sources', undefined, 'source');
    await this.view.refuseUnknown(source, call.signal);
    return RowHistoryAnswer.parse(await this.#look({ what: 'history', query: { ...query, source } }, call));
  }

  async planRestore(body: RestoreBody, call: Call): Promise<PlannedRestore> {
    const { name, event } = this.#restoreEvent(body, call);
    const counts = name === 'restore' && body.dryRun ? { counts: true } : {};
    const asked = { ...event, dryRun: true, ...counts };
    const answer = (await this.#options.services.call(name, asked, call.signal)) as Record<string, unknown>;
    const { datasets } = answer;
    const plan = ApiRestorePlan.parse({
      losses: [],
      ...answer,
      datasets: Array.isArray(datasets) ? datasets : [],
    });
    const changes = TargetChanges.nullish().parse(answer['changes']) ?? null;
    if (body.source === undefined)
      return { key: parseBackup(body.backup ?? ''), plan, changes, moment: null };
    const moment = ApiMomentPlan.parse(answer['moment']);
    return { key: parseBackup(String(answer['key'])), plan, changes, moment };
  }

  async restore(body: RestoreBody, call: Call): Promise<RunStarted> {
    const { name, event } = this.#restoreEvent(body, call);
    return { run: await this.#options.services.begin(name, event, call.signal) };
  }

  async hold(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer> {
    return HoldAnswer.parse(await this.#decide('hold', [key], reason, call));
  }

  async release(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer> {
    return HoldAnswer.parse(await this.#decide('release', [key], reason, call));
  }

  async accept(keys: readonly BackupKey[], reason: string, call: Call): Promise<AcceptAnswer> {
    return AcceptAnswer.parse(await this.#decide('accept', keys, reason, call));
  }

  /** Done by the watchdog, which has the channels' secrets. */
  async testChannel(name: string, { signal }: Call): Promise<NotificationTestAnswer> {
    channelNamed(this.#options.channels, name);
    const answer = await this.#options.services.call('watchdog', { test: name }, signal);
    this.view.changed();
    return NotificationTestAnswer.parse(answer);
  }

  async runs(limit: number, { signal }: Call): Promise<readonly ApiRun[]> {
    const [executions, recorded] = await Promise.all([
      this.#options.services.executions(limit, signal),
      this.view.runs(signal),
    ]);
    const noted = new Map(recorded.map((run) => [run.id, run]));
    const known = executions.map((execution) => runOfExecution(execution, noted.get(execution.run)));
    const ofExecutions = new Set(executions.map(({ run }) => run));
    const others = recorded.filter(({ id }) => !ofExecutions.has(id));
    return mergedRuns(known, others, limit);
  }

  async run(id: string, { signal }: Call): Promise<RunAnswer> {
    const { services, repository } = this.#options;
    const execution = /^[A-Za-z0-9_-]{1,80}$/.test(id) ? await services.execution(id, signal) : undefined;
    if (execution) return detailOfExecution(execution);
    const noted = await this.view.run(id, signal);
    // How a failed restore left its target is in the audit trail alone.
    const isTold = noted && !(noted.kind === 'restore' && noted.state === 'failed');
    const told = isTold ? undefined : await runOfAudit(repository, id, signal);
    const run = noted ? { ...noted, restore: told?.restore ?? null } : told;
    if (run) return run;
    throw new HoldfastError('E_UNKNOWN_RUN', 'there is no such run, or it has written nothing yet', {
      hint: 'Ask again in a moment; what verifications found is in GET /backups/{key}.',
    });
  }

  /** Once: nothing reports changes here, so the reader asks again. */
  async *follow(id: string, call: Call): AsyncGenerator<RunAnswer> {
    yield await this.run(id, call);
  }

  /**
   * Everything in progress of a backup in shares is shut out before its execution is stopped, so that nothing
   * of it is listed.
   */
  async cancel({ id, kind, backup }: ApiRun, call: Call): Promise<void> {
    const { services } = this.#options;
    const isExecution = kind === 'backup' || kind === 'verify';
    const run = isExecution ? services.plannedRun(kind, id) : id;
    const backups = backup === null || kind === 'backup' ? [] : [parseBackup(backup)];
    const event = { action: 'cancel', kind, backups, run, requestedBy: nameOf(call.caller) };
    await services.call('decide', event, call.signal);
    if (isExecution) await services.stop(kind, { name: id, by: nameOf(call.caller), signal: call.signal });
  }

  /** A run of the export function, then a link to its result: the API itself cannot read a backup. */
  async download(
    key: BackupKey,
    { dataset, format, prepared }: DownloadQuery,
    call: Call,
  ): Promise<Download> {
    if (prepared !== undefined) return { kind: 'link', link: await this.#linkTo(prepared, key, call) };
    const event = {
      backup: key,
      ...(dataset === undefined ? {} : { dataset }),
      ...(format === undefined ? {} : { format }),
      requestedBy: nameOf(call.caller),
    };
    return {
      kind: 'run',
      started: { run: await this.#options.services.begin('export', event, call.signal) },
    };
  }

  async #linkTo(id: string, key: BackupKey, { signal }: Call) {
    const { repository, links } = this.#options;
    const run = await runOfAudit(repository, id, signal);
    const [, folder, fileName] = /^exports\/([0-9a-f]{32})\/([A-Za-z0-9._-]+)$/.exec(run?.target ?? '') ?? [];
    if (run?.state !== 'succeeded' || run.backup !== key || folder === undefined || fileName === undefined) {
      const problem =
        run?.state === 'running' ? 'has not finished yet' : 'is not a run that prepared this backup';
      throw new ApiError('E_BAD_REQUEST', `prepared: ${problem}`, {
        fields: [{ field: 'prepared', problem }],
      });
    }
    const { sizeBytes } = await repository.store.head(`exports/${folder}/${fileName}`, { signal });
    return { ...(await links.link(folder, fileName)), fileName, bytes: sizeBytes };
  }

  /** The API has no key: a function that has one looks, and records who asked for it. */
  #look(event: object, { caller, signal }: Call): Promise<unknown> {
    return this.#options.services.call('look', { ...event, requestedBy: nameOf(caller) }, signal);
  }

  /** Rows are put back by a function of their own. */
  #restoreEvent(body: RestoreBody, { caller }: Call): { readonly name: ApiFunction; readonly event: object } {
    const { backup, to, newDatabase, datasets, path, toPath, replace, merge, resume, keepGoing, options } =
      body;
    if (toPath !== undefined)
      throw new ApiError('E_BAD_REQUEST', 'the restore function does not support toPath', {
        fields: [{ field: 'toPath', problem: 'is not supported on AWS' }],
      });
    const about = { to: this.#named('targets', to, 'to'), requestedBy: nameOf(caller) };
    if (body.rows)
      return { name: 'put-back', event: { backup: parseBackup(backup ?? ''), ...about, rows: body.rows } };
    const { source, at, beforeTransaction } = body;
    const what =
      source === undefined
        ? { backup: parseBackup(backup ?? '') }
        : {
            source: this.#named('sources', source, 'source'),
            ...(at === undefined ? {} : { at }),
            ...(beforeTransaction === undefined ? {} : { beforeTransaction }),
            // The caller confirmed a plan that shows what speaks against it.
            despiteDoubts: true,
          };
    const event = {
      ...what,
      ...about,
      ...(datasets === undefined ? {} : { datasets }),
      ...(path === undefined ? {} : { path }),
      ...(newDatabase === undefined ? {} : { newDatabase }),
      ...(resume ? { resume } : {}),
      ...(keepGoing ? { keepGoing } : {}),
      ...(options === undefined ? {} : { options }),
      replace,
      merge,
    };
    return { name: 'restore', event };
  }

  async #decide(action: string, backups: readonly BackupKey[], reason: string, { caller, signal }: Call) {
    const event = { action, backups, reason, requestedBy: nameOf(caller) };
    const answer = await this.#options.services.call('decide', event, signal);
    this.view.changed();
    return answer;
  }

  /** Records what the functions themselves do not: who asked. @throws if it cannot be recorded */
  async #audit(
    record: {
      readonly action: string;
      readonly backups: readonly BackupKey[];
      readonly source?: string;
      readonly run: string;
    },
    { caller, signal }: Call,
  ): Promise<void> {
    const event = { ...record, requestedBy: nameOf(caller) };
    await this.#options.services.call('decide', event, signal);
  }

  /** @throws E_UNKNOWN_NAME, E_BAD_REQUEST if none is given and there are several */
  #named(of: 'sources' | 'targets', name: string | undefined, field: string): string {
    const names = this.configured[of].map((place) => place.name);
    if (name === undefined && names.length === 1 && names[0] !== undefined) return names[0];
    if (name !== undefined && names.includes(name)) return name;
    if (name !== undefined) throw unknownName(of === 'targets' ? 'to' : 'source', name, names);
    const problem = `allowed: ${names.join(', ') || 'none is configured'}`;
    throw new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, { fields: [{ field, problem }] });
  }
}

/** The role of the admin API may start neither: they run by their schedules. */
function byFunction(name: 'copy' | 'lock'): ApiError {
  return new ApiError('E_USAGE', `on AWS the function ${name} does this, by its schedule`, {
    status: 501,
    hint: `To do it now, invoke that function with {}, or run \`holdfast ${name}\` with a login that may.`,
  });
}

function nameOf({ name }: Call['caller']): string {
  return name.slice(0, MOST_NAME_CHARS);
}
