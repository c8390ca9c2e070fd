import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { type HoldfastConfig, type ResolvedConfig, resolveConfig } from '../../config/config.ts';
import { systemClock } from '../../core/clock.ts';
import { ERRORS, type ErrorCode, HoldfastError } from '../../core/errors.ts';
import { duration } from '../../core/human.ts';
import { MINUTE_MS, MiB, SECOND_MS } from '../../core/units.ts';
import { type LocalNotifiers, localNotifiers } from '../../jobs/notify/local-notifier.ts';
import { blindOutlook } from '../../jobs/notify/outlook.ts';
import type { RepositoryConfig } from '../../jobs/open-repository.ts';
import { type Env, placeIn, type SourceConfig } from '../../jobs/source/adapters.ts';
import { environmentIn } from '../../sources/registry.ts';
import type { LocalBackend } from '../local/local-backend.ts';
import { type OpenLocal, openLocal } from '../local/open-local.ts';
import type { ErrorText } from '../schema/values.ts';
import type { Caller } from '../server/caller.ts';
import { Scheduler } from './scheduler.ts';

/** Opening is retried no sooner than this. */
const AGAIN_MS = 30 * SECOND_MS;
/** How long a request waits for a repository that is being opened. */
const WAIT_MS = 5 * SECOND_MS;
/** How often to check for notifications, besides after each run. */
const LOOK_MS = 15 * MINUTE_MS;
/** The schedule as a caller, in the audit trail. */
const SCHEDULE: Caller = { id: 'schedule', name: 'schedule', roles: ['operator'] };

/** A configuration, the environment above it, and who is told of errors. */
export interface StartBackupsOptions {
  readonly config: HoldfastConfig;
  /** The environment, such as `process.env`: docs/reference/configuration.md. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Base of relative paths. @default the current folder */
  readonly folder?: string;
  /** Whether configured schedules run in this process. @default true */
  readonly schedule?: boolean;
  /** How long a request waits for a store that does not respond, in milliseconds. @default 5000 */
  readonly waitMs?: number;
  /** Receives errors, with their codes, including failures of scheduled runs. */
  readonly onError?: (error: unknown) => void;
}

/** Backups that run in this process. */
export interface Backups extends AsyncDisposable {
  readonly config: ResolvedConfig | undefined;
  /** Why backups cannot run; undefined if they can, and while the repository is being opened. */
  problem(): HoldfastError | undefined;
  /** @throws why backups cannot run, or that the store has not responded yet */
  backend(): Promise<LocalBackend>;
  readonly onError: (error: unknown) => void;
}

/**
 * Starts backups in this process. No problem with them keeps the application from starting: it appears in
 * `problem()` and in `GET /health`, and is retried if that may help. Waits for no store and no database, and
 * never throws.
 */
export async function startBackups(options: StartBackupsOptions): Promise<Backups> {
  const { config: file, env, onError = () => {} } = options;
  try {
    const config = resolveConfig({ file, fileName: 'config', env, flags: {} });
    const backups = new RunningBackups(config, { ...options, onError });
    backups.open();
    return backups;
  } catch (error) {
    onError(error);
    return new NoBackups(asKnown(error), onError);
  }
}

class NoBackups implements Backups {
  readonly config = undefined;
  readonly onError: (error: unknown) => void;
  readonly #problem: HoldfastError;

  constructor(problem: HoldfastError, onError: (error: unknown) => void) {
    this.#problem = problem;
    this.onError = onError;
  }

  problem(): HoldfastError {
    return this.#problem;
  }

  async backend(): Promise<LocalBackend> {
    throw this.#problem;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

class RunningBackups implements Backups {
  readonly config: ResolvedConfig;
  readonly onError: (error: unknown) => void;
  readonly #options: StartBackupsOptions;
  readonly #stop = new AbortController();
  readonly #scheduler: Scheduler | undefined;
  readonly #notifiers: LocalNotifiers;
  readonly #look: NodeJS.Timeout | undefined;
  #opened: Promise<OpenLocal> | undefined;
  #problem: HoldfastError | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;

  constructor(config: ResolvedConfig, options: StartBackupsOptions & Pick<Backups, 'onError'>) {
    this.config = config;
    this.onError = options.onError;
    this.#options = options;
    const names = config.sources.map(({ name }) => name);
    const isScheduled = options.schedule !== false && config.isEnabled;
    this.#scheduler = isScheduled
      ? new Scheduler(config.aws.schedules, names, ({ source, type }) => this.#begin(source, type))
      : undefined;
    const onProblem = (message: string) => this.onError(new HoldfastError('E_NOTIFY', message));
    this.#notifiers = localNotifiers(config.channels, { env: options.env, onProblem });
    const isTelling = this.#scheduler !== undefined && this.#notifiers.own !== undefined;
    this.#look = isTelling ? setInterval(() => void this.#tell(), LOOK_MS).unref() : undefined;
  }

  problem(): HoldfastError | undefined {
    return this.#problem;
  }

  /** Begins to open the repository, without waiting. */
  open(): void {
    this.#whole().catch(() => {});
  }

  async backend(): Promise<LocalBackend> {
    const { waitMs = WAIT_MS } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => late.reject(notYet(waitMs)), waitMs);
    try {
      return await Promise.race([this.#whole(), late.promise]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #whole(): Promise<LocalBackend> {
    const now = performance.now();
    if (this.#opened === undefined && this.#problem && now - this.#triedAt < AGAIN_MS) throw this.#problem;
    if (this.#opened === undefined) {
      this.#triedAt = now;
      this.#opened = this.#open();
    }
    return (await this.#opened).backend;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#scheduler?.[Symbol.dispose]();
    clearInterval(this.#look);
    this.#stop.abort();
    const opened = await this.#opened?.catch(() => undefined);
    await opened?.[Symbol.asyncDispose]();
  }

  async #open(): Promise<OpenLocal> {
    const { folder = '.', env } = this.#options;
    try {
      const opened = await openLocal({
        config: this.config,
        repository: await repositoryOf(this.config, folder),
        folder,
        env: environmentIn(env, folder),
        drillServer: (kind) => drillServer(this.config, kind, { folder, env }),
        schedules: () => this.#scheduler?.upcoming() ?? [],
        runsSchedules: this.#scheduler !== undefined,
        notifiers: this.#notifiers,
        onWarning: (message) => this.onError(new HoldfastError('E_NOTIFY', message)),
        signal: this.#stop.signal,
      });
      this.#problem = undefined;
      if (this.#look) opened.tell();
      return opened;
    } catch (error) {
      this.#opened = undefined;
      this.#problem = asKnown(error);
      this.onError(error);
      if (this.#look) void this.#tellBlind(this.#problem.message);
      throw this.#problem;
    }
  }

  /** Opens the repository again if that failed before, and reports a failure. */
  async #tell(): Promise<void> {
    await this.#whole().catch(() => {});
    const opened = await this.#opened?.catch(() => undefined);
    opened?.tell();
  }

  async #tellBlind(problem: string): Promise<void> {
    const { repository = '', sources } = this.config;
    const about = { at: systemClock.now(), repository, sources: sources.map(({ name }) => name) };
    const { own } = this.#notifiers;
    await own?.check(undefined, blindOutlook(problem, about), this.#stop.signal).catch(() => {});
  }

  async #begin(source: string, type: string): Promise<void> {
    try {
      const backend = await this.#whole();
      const { run } = await backend.create(
        { source, type, noParent: false },
        { caller: SCHEDULE, signal: this.#stop.signal },
      );
      const { error } = await backend.over(run);
      if (error) this.onError(failureOf(error, `${type} backup of ${source}`));
    } catch (error) {
      this.onError(error);
    }
  }
}

function notYet(waitMs: number): HoldfastError {
  return new HoldfastError(
    'E_STORE_UNAVAILABLE',
    `the store has not answered for ${duration(waitMs)}; it is still being asked`,
    { hint: 'Ask again in a moment. If it persists, check the network to the store.' },
  );
}

/** A run's failure, as an error with its code. */
function failureOf({ code, message, hint }: ErrorText, what: string): HoldfastError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : 'E_INTERNAL';
  return new HoldfastError(known, `${what}: ${message}`, hint === null ? {} : { hint });
}

/** @throws E_CONFIG, E_NO_KEY */
async function repositoryOf(config: ResolvedConfig, folder: string): Promise<RepositoryConfig> {
  const { repository, s3, kmsKey, olderKmsKeys, recoveryKeys, keyFile, signing } = config;
  const { workers, cacheMiB, compressionLevel, prune } = config;
  if (repository === undefined)
    throw new HoldfastError('E_CONFIG', 'no repository is configured', {
      hint: 'Set repository, or HOLDFAST_REPOSITORY.',
    });
  return {
    repository: /^[a-z0-9]+:/i.test(repository) ? repository : path.resolve(folder, repository),
    s3,
    kmsKey,
    olderKmsKeys,
    recoveryKeys,
    signing: {
      ...signing,
      pem: signing.keyFile === undefined ? undefined : await readKey(path.resolve(folder, signing.keyFile)),
    },
    encryptionKey:
      config.encryptionKey ??
      (keyFile === undefined ? undefined : await readKey(path.resolve(folder, keyFile))),
    workers,
    cacheBytes: cacheMiB === undefined ? undefined : cacheMiB * MiB,
    compressionLevel,
    graceMs: prune.graceMs,
  };
}

async function readKey(file: string): Promise<string> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new HoldfastError('E_NO_KEY', `the key file ${file} cannot be read`, { cause });
  }
}

function drillServer(
  { drill }: ResolvedConfig,
  kind: string,
  { folder, env }: { readonly folder: string; readonly env: Env },
): SourceConfig {
  const server = Object.entries(drill).find(([of]) => of === kind)?.[1];
  if (!server)
    throw new HoldfastError('E_CONFIG', `no place is configured for drills of ${kind} sources`, {
      hint: `Set drill.${kind}.url.`,
    });
  const { url, options } = server;
  return placeIn({ kind, url, options }, folder, env);
}

function asKnown(error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  return new HoldfastError('E_INTERNAL', 'backups could not be started', { cause: error });
}
