import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import type { AcceptAnswer, HoldAnswer } from '../schema/backups.ts';
import type {
  DiffAnswer,
  DiffQuery,
  RowHistoryAnswer,
  RowHistoryQuery,
  RowsAnswer,
  RowsQuery,
} from '../schema/inside.ts';
import type { NotificationTestAnswer } from '../schema/notifications.ts';
import type {
  ApiRun,
  CreateBody,
  DownloadQuery,
  DrillBody,
  RestoreBody,
  RunAnswer,
  RunStarted,
  VerifyBody,
} from '../schema/runs.ts';
import type { StatusAnswer } from '../schema/status.ts';
import { ApiError } from '../server/api-error.ts';
import type { Backend, Call, Download } from '../server/backend.ts';
import type { Caller } from '../server/caller.ts';
import { parseBackup } from '../server/parse-backup.ts';
import type { RepositoryView } from '../server/repository-view.ts';
import type { ApiKeyStore } from './api-key-store.ts';

/** Runs of all sources to search for those of a few. */
const MOST_RUNS = 200;

/** The backend as a caller sees it: all of it, or only their own sources. */
export function scoped(backend: Backend, caller: Caller | undefined): Backend {
  return caller?.sources === undefined ? backend : new ScopedBackend(backend, caller.sources, caller.name);
}

/**
 * Other sources, their backups and their runs do not exist here, with the same errors as for anything that
 * does not exist.
 */
class ScopedBackend implements Backend {
  readonly mode: StatusAnswer['mode'];
  readonly view: RepositoryView;
  readonly configured: StatusAnswer['configured'];
  readonly schedules: StatusAnswer['schedules'];
  readonly apiKeys: ApiKeyStore;
  readonly #backend: Backend;
  readonly #sources: readonly string[];

  constructor(backend: Backend, sources: readonly string[], name: string) {
    const { mode, view, configured, schedules, apiKeys } = backend;
    this.#backend = backend;
    this.#sources = sources;
    this.mode = mode;
    this.view = view.of(sources, name);
    this.configured = {
      ...configured,
      sources: configured.sources.filter((source) => sources.includes(source.name)),
    };
    this.schedules = schedules.filter(({ source }) => sources.includes(source));
    this.apiKeys = apiKeys;
  }

  health(signal: AbortSignal): Promise<readonly HoldfastError[]> {
    return this.#backend.health(signal);
  }

  async held(source: string, call: Call): ReturnType<Backend['held']> {
    await this.view.refuseUnknown(source, call.signal);
    return this.#backend.held(source, call);
  }

  async create(body: CreateBody, call: Call): Promise<RunStarted> {
    return this.#backend.create({ ...body, source: await this.#source(body.source, call) }, call);
  }

  async verify(body: VerifyBody, call: Call): Promise<RunStarted> {
    if (body.backup === undefined) throw notOfAll('since', 'verifies backups of all sources; give backup');
    await this.#refuseHidden(body.backup, call);
    return this.#backend.verify(body, call);
  }

  async drill(body: DrillBody, call: Call): Promise<RunStarted> {
    if (body.backup !== undefined) await this.#refuseHidden(body.backup, call);
    const source = body.backup === undefined ? await this.#source(body.source, call) : body.source;
    if (source !== undefined) await this.view.refuseUnknown(source, call.signal);
    return this.#backend.drill({ ...body, source }, call);
  }

  copy(): Promise<RunStarted> {
    throw ofAllSources();
  }

  lock(): Promise<RunStarted> {
    throw ofAllSources();
  }

  async rows(key: BackupKey, query: RowsQuery, call: Call): Promise<RowsAnswer> {
    await this.view.refuseHidden(key, call.signal);
    return this.#backend.rows(key, query, call);
  }

  async diff(key: BackupKey, query: DiffQuery, call: Call): Promise<DiffAnswer> {
    await this.view.refuseHidden(key, call.signal);
    if (query.with !== 'live') await this.#refuseHidden(query.with, call);
    return this.#backend.diff(key, query, call);
  }

  async rowHistory(query: RowHistoryQuery, call: Call): Promise<RowHistoryAnswer> {
    return this.#backend.rowHistory({ ...query, source: await this.#source(query.source, call) }, call);
  }

  async planRestore(body: RestoreBody, call: Call): ReturnType<Backend['planRestore']> {
    await this.#refuseRestore(body, call);
    return this.#backend.planRestore(body, call);
  }

  async restore(body: RestoreBody, call: Call): Promise<RunStarted> {
    await this.#refuseRestore(body, call);
    return this.#backend.restore(body, call);
  }

  async hold(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer> {
    await this.view.refuseHidden(key, call.signal);
    return this.#backend.hold(key, reason, call);
  }

  async release(key: BackupKey, reason: string, call: Call): Promise<HoldAnswer> {
    await this.view.refuseHidden(key, call.signal);
    return this.#backend.release(key, reason, call);
  }

  /** Not for callers with some sources: channels report about all. */
  testChannel(name: string, call: Call): Promise<NotificationTestAnswer> {
    return this.#backend.testChannel(name, call);
  }

  async accept(keys: readonly BackupKey[], reason: string, call: Call): Promise<AcceptAnswer> {
    for (const key of keys) await this.view.refuseHidden(key, call.signal);
    return this.#backend.accept(keys, reason, call);
  }

  async runs(limit: number, call: Call): Promise<readonly ApiRun[]> {
    const seen: ApiRun[] = [];
    for (const run of await this.#backend.runs(MOST_RUNS, call))
      if (seen.length < limit && (await this.view.seesRun(run, call.signal))) seen.push(run);
    return seen;
  }

  async run(id: string, call: Call): Promise<RunAnswer> {
    const run = await this.#backend.run(id, call).catch((error: unknown) => {
      if (!isHoldfastError(error, 'E_UNKNOWN_RUN')) throw error;
    });
    if (run && (await this.view.seesRun(run, call.signal))) return run;
    throw new HoldfastError('E_UNKNOWN_RUN', 'there is no such run, or it has written nothing yet', {
      hint: 'GET /runs lists known runs.',
    });
  }

  async *follow(id: string, call: Call): AsyncGenerator<RunAnswer> {
    await this.run(id, call);
    yield* this.#backend.follow(id, call);
  }

  async cancel(run: ApiRun, call: Call): Promise<void> {
    await this.run(run.id, call);
    return this.#backend.cancel(run, call);
  }

  async download(key: BackupKey, query: DownloadQuery, call: Call): Promise<Download> {
    await this.view.refuseHidden(key, call.signal);
    return this.#backend.download(key, query, call);
  }

  /** The named source; may be missing if the caller has only one. @throws E_UNKNOWN_NAME, E_BAD_REQUEST */
  async #source(given: string | undefined, { signal }: Call): Promise<string> {
    const [only, ...others] = this.#sources;
    const name = given ?? (others.length === 0 ? only : undefined);
    if (name === undefined) throw notOfAll('source', `is missing; there are ${this.#sources.join(', ')}`);
    await this.view.refuseUnknown(name, signal);
    return name;
  }

  #refuseHidden(backup: string, { signal }: Call): Promise<void> {
    return this.view.refuseHidden(parseBackup(backup), signal);
  }

  /** The content of a target may be another source's: only callers with all sources may write there. */
  async #refuseRestore({ backup, source, newDatabase }: RestoreBody, call: Call): Promise<void> {
    if (source === undefined) await this.#refuseHidden(backup ?? '', call);
    else await this.view.refuseUnknown(source, call.signal);
    if (newDatabase !== undefined) return;
    throw new ApiError('E_FORBIDDEN', 'a login for some sources can restore only into a new database', {
      hint: 'Give newDatabase. To restore into a target, use a login for all sources.',
    });
  }
}

/** The table of routes refuses it before. */
function ofAllSources(): ApiError {
  return new ApiError('E_FORBIDDEN', 'this concerns backups of all sources');
}

function notOfAll(field: string, problem: string): ApiError {
  return new ApiError('E_BAD_REQUEST', `${field}: ${problem}`, { fields: [{ field, problem }] });
}
