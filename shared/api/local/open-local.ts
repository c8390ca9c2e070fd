import { backupTypes } from '../../config/backup-types.ts';
import type { ResolvedConfig } from '../../config/config.ts';
import { HoldfastError } from '../../core/errors.ts';
import { placeFrom } from '../../jobs/copy/place-from.ts';
import { openLocks } from '../../jobs/lock/lock.ts';
import { type LocalNotifiers, localNotifiers } from '../../jobs/notify/local-notifier.ts';
import { openConfiguredRepository, type RepositoryConfig } from '../../jobs/open-repository.ts';
import { watchForCancel } from '../../jobs/runs/cancel-run.ts';
import { placeIn, type SourceConfig } from '../../jobs/source/adapters.ts';
import { namingOf, sourceNames } from '../../jobs/source/source-names.ts';
import { CachingStore } from '../../store/caching-store.ts';
import { openS3Exports } from '../../store/open-store.ts';
import { RepositoryView } from '../server/repository-view.ts';
import { LocalBackend } from './local-backend.ts';
import type { LocalBackendOptions } from './options.ts';
import type { NamedPlace } from './places.ts';
import { recordIn } from './record-work.ts';
import { type RecordWork, RunTracker } from './run-tracker.ts';
import { sourceMasks } from './source-masks.ts';
import { Telling } from './telling.ts';

/** Small objects that never change, and are read again and again. */
const KEPT_PREFIXES = ['backups/', 'reports/', 'history/', 'notices/'];

/** What an API in this process opens. */
export interface OpenLocalOptions {
  readonly config: ResolvedConfig;
  readonly repository: RepositoryConfig;
  /** Base of relative paths of sources. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly drillServer: (kind: string) => SourceConfig;
  /** Sources besides the configured ones. */
  readonly sources?: readonly NamedPlace[];
  readonly schedules?: LocalBackendOptions['schedules'];
  /** Whether schedules run in this process, including default ones. @default false */
  readonly runsSchedules?: boolean;
  /** Receives problems that fail no run, such as a note that could not be written. */
  readonly onWarning?: (message: string) => void;
  /** The channels, if the process has used them before. @default the configured ones */
  readonly notifiers?: LocalNotifiers;
  readonly signal: AbortSignal;
}

/** All that has to be closed again. */
export interface OpenLocal extends AsyncDisposable {
  readonly backend: LocalBackend;
  readonly tracker: RunTracker;
  /** Notifies channels of changes, without waiting. */
  tell(): void;
}

/**
 * Opens the repository for the API of this process. Dispose of it to stop what is in progress.
 *
 * @throws E_NO_REPOSITORY, E_WRONG_KEY, E_NO_KEY, E_STORE_*, E_CONFIG
 */
export async function openLocal(options: OpenLocalOptions): Promise<OpenLocal> {
  const { config, signal, env, onWarning = () => {} } = options;
  const { notifiers = localNotifiers(config.channels, { env, onProblem: onWarning }) } = options;
  const repository = await openConfiguredRepository(options.repository, signal);
  const { store, context } = repository;
  if (!context.keys.hasRootKey) {
    await repository[Symbol.asyncDispose]();
    throw new HoldfastError('E_NO_KEY', 'the admin API needs the encryption key, but none is configured', {
      hint: 'Set BACKUP_ENCRYPTION_KEY, or name a key file.',
    });
  }
  const given = { store: new CachingStore(store, KEPT_PREFIXES), pool: context.pool };
  const seen = await openConfiguredRepository(options.repository, signal, given);
  const note = recordIn(repository, onWarning);
  // What is remembered of runs is read again once the note of the end is written.
  const record: RecordWork = async (run, work) => {
    // Other processes may cancel it too.
    const onCancel = (by: string) => void tracker.cancel(run.id, by);
    using _ = watchForCancel(repository, run.id, { signal, onCancel });
    return await note(run, work).finally(() => {
      view.changed();
      telling.begin();
    });
  };
  const tracker = new RunTracker(repository.clock, { record });
  const placed = (place: ResolvedConfig['sources'][number]): NamedPlace =>
    placeIn(place, options.folder, env);
  const sources = config.sources.map(placed);
  const naming = namingOf(sources, env);
  const protection = {
    lock: config.lock,
    policy: config.retention,
    naming,
    locks: await openLocks(options.repository, config.lock),
    copies: config.copies.map((place) => placeFrom(options.folder, place)),
    namesOf: async () => {
      const names = await sourceNames(sources, env);
      return (source: string) => names.get(source) ?? [source];
    },
  };
  const view = new RepositoryView({
    repository: seen,
    retention: config.retention,
    prune: config.prune,
    price: config.price,
    safety: { config, runsDefaults: options.runsSchedules ?? false },
    names: [...sources, ...(options.sources ?? [])].map(({ name }) => name),
    naming,
    protection,
    channels: config.channels,
  });
  const telling = new Telling(async () => {
    const { own } = notifiers;
    if (own && !signal.aborted) await own.check(repository, await view.outlook(signal), signal);
  }, onWarning);
  const backend = new LocalBackend({
    repository,
    view,
    tracker,
    sources: [...sources, ...(options.sources ?? [])],
    targets: config.targets.map(placed),
    drillServer: options.drillServer,
    suspects: config.suspects,
    types: backupTypes(config),
    notifier: notifiers.all,
    schedules: options.schedules ?? (() => []),
    isEnabled: config.isEnabled,
    streamBytes: config.api.streamBytes,
    links: await openS3Exports(options.repository),
    masks: sourceMasks(config.sources, options.folder, env),
    protection,
    env,
  });
  return {
    backend,
    tracker,
    tell: () => telling.begin(),
    [Symbol.asyncDispose]: async () => {
      await tracker.close();
      await telling.settled();
      await seen[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
    },
  };
}
