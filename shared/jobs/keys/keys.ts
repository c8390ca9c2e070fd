import type { HoldfastError } from '../../core/errors.ts';
import type { BackupKey } from '../../core/ids.ts';
import { orderedMap } from '../../core/ordered-map.ts';
import { isDocumentProblem } from '../../format/authenticated-json.ts';
import { rootKeysOf } from '../../format/manifest.ts';
import { isReportKey } from '../../format/report.ts';
import { HexKeyProvider } from '../../keys/hex-key-provider.ts';
import type { Quarantine } from '../../repository/documents/quarantine.ts';
import type { RunKeyEntry } from '../../repository/keys/key-ring.ts';
import { listKeysFiles } from '../../repository/keys/root-keys.ts';
import type { Repository } from '../../repository/repository.ts';
import { openConfiguredRepository, type RepositoryConfig } from '../open-repository.ts';
import { CoverageCheck, type RecoveryCoverage } from './recovery-coverage.ts';

/** Objects read at once. */
const READS = 8;

/** Root keys that one backup needs. */
export interface BackupKeys {
  readonly key: BackupKey;
  /** Ids of the root keys that a restore of it needs; not secret. Empty if the manifest cannot be read. */
  readonly rootKeyIds: readonly string[];
  /**
   * - `opens`: the configured key opens everything that a restore needs.
   * - `locked`: it needs a key that the configured one neither is nor opens.
   * - `damaged`: the manifest, or a key in it, was changed, or was put aside.
   * - `unchecked`: nobody checked.
   */
  readonly state: 'opens' | 'locked' | 'damaged' | 'unchecked';
  readonly problem: string | undefined;
}

/** A root key, and what needs it. */
export interface RootKeyUse {
  readonly rootKeyId: string;
  /** Number of listed backups that need it. */
  readonly backups: number;
  /** Since when new backups could use it, by the clock of the machine that made it the key. */
  readonly since: Date | undefined;
  readonly isConfigured: boolean;
}

/** All root keys that a repository needs, and the one that is configured. */
export interface KeysReport {
  readonly location: string;
  readonly repositoryId: string;
  /** Undefined if none is configured. */
  readonly configured: string | undefined;
  /** Oldest first. */
  readonly rootKeys: readonly RootKeyUse[];
  /** Newest first. */
  readonly backups: readonly BackupKeys[];
  /** Missing if nothing was checked. */
  readonly reports: { readonly opens: number; readonly locked: number; readonly damaged: number } | undefined;
  readonly recovery: RecoveryCoverage;
  /** Objects below `keys/` that were changed. */
  readonly problems: readonly string[];
}

/** The root keys in use, from public data; needs no key. @throws E_NO_REPOSITORY, E_STORE_* */
export async function listRootKeys(config: RepositoryConfig, signal: AbortSignal): Promise<KeysReport> {
  await using repository = await openConfiguredRepository({ ...config, encryptionKey: undefined }, signal);
  const { encryptionKey } = config;
  const configured = encryptionKey === undefined ? undefined : new HexKeyProvider(encryptionKey).rootKeyId;
  const keys = await repository.backupKeys(signal);
  const coverage = await CoverageCheck.begin(repository, signal);
  const look = (key: BackupKey) => lookAt(repository, { key, coverage }, signal);
  const backups = await Array.fromAsync(orderedMap(keys, READS, look));
  const recovery = coverage.result();
  return report(repository, { configured, backups, reports: undefined, recovery }, signal);
}

/**
 * Whether the open repository's key opens every listed backup and every report: unwraps each key in their
 * manifests, and checks every manifest's MAC. Reads no pack.
 *
 * @throws E_NO_KEY, E_STORE_*
 */
export async function checkKeys(repository: Repository, signal: AbortSignal): Promise<KeysReport> {
  const configured = repository.context.keys.provider().rootKeyId;
  const coverage = await CoverageCheck.begin(repository, signal);
  const check = new Check(repository, coverage, signal);
  const keys = await repository.backupKeys(signal);
  const backups = await Array.fromAsync(orderedMap(keys, READS, (key) => check.backup(key)));
  const recovery = coverage.result();
  return report(repository, { configured, backups, reports: await check.reports(), recovery }, signal);
}

async function report(
  repository: Repository,
  found: Pick<KeysReport, 'configured' | 'backups' | 'reports' | 'recovery'>,
  signal: AbortSignal,
): Promise<KeysReport> {
  const { file } = repository.context;
  const changes = await listKeysFiles(repository.store, signal);
  const since = new Map([[file.secret.rootKeyId, new Date(file.createdAt)]]);
  for (const { file: change } of changes) if (change) since.set(change.rootKeyId, new Date(change.createdAt));
  const uses = new Map([...since.keys()].map((id) => [id, 0]));
  for (const id of found.backups.flatMap(({ rootKeyIds }) => rootKeyIds))
    uses.set(id, (uses.get(id) ?? 0) + 1);
  return {
    location: repository.store.location,
    repositoryId: repository.id,
    ...found,
    rootKeys: [...uses].map(([rootKeyId, backups]) => ({
      rootKeyId,
      backups,
      since: since.get(rootKeyId),
      isConfigured: rootKeyId === found.configured,
    })),
    problems: changes.flatMap(({ problem }) => (problem ? [problem.message] : [])),
  };
}

async function lookAt(
  repository: Repository,
  { key, coverage }: { readonly key: BackupKey; readonly coverage: CoverageCheck },
  signal: AbortSignal,
): Promise<BackupKeys> {
  try {
    const manifest = await repository.readUnprovenManifest(key, signal);
    const { keys } = manifest;
    coverage.look(key, keys, rootKeysOf(manifest));
    return { key, rootKeyIds: idsOf(keys, rootKeysOf(manifest)), state: 'unchecked', problem: undefined };
  } catch (error) {
    if (!isDocumentProblem(error)) throw error;
    return { key, rootKeyIds: [], state: 'damaged', problem: error.message };
  }
}

class Check {
  readonly #repository: Repository;
  readonly #coverage: CoverageCheck;
  readonly #signal: AbortSignal;
  /** Backups share keys: each is opened once. */
  readonly #opened = new Map<string, Promise<unknown>>();
  #quarantine: Promise<Quarantine> | undefined;

  constructor(repository: Repository, coverage: CoverageCheck, signal: AbortSignal) {
    this.#repository = repository;
    this.#coverage = coverage;
    this.#signal = signal;
  }

  async backup(key: BackupKey): Promise<BackupKeys> {
    const seen = await lookAt(this.#repository, { key, coverage: this.#coverage }, this.#signal);
    if (seen.state === 'damaged') return seen;
    const problem = await this.#problemOf(async () => {
      const manifest = await this.#repository.readManifest(key, this.#signal);
      const { keys } = await this.#repository.lists.all(manifest, this.#signal);
      for (const entry of keys) await this.#open(entry);
    });
    return { ...seen, state: await this.#stateOf(key, problem), problem: problem?.message };
  }

  async reports(): Promise<NonNullable<KeysReport['reports']>> {
    const count = { opens: 0, locked: 0, damaged: 0 };
    const { reports, store } = this.#repository;
    const keys = (await Array.fromAsync(store.list('reports/', { signal: this.#signal })))
      .map(({ key }) => key)
      .filter(isReportKey);
    const states = orderedMap(keys, READS, async (key) => {
      const problem = await this.#problemOf(async () => {
        const { report, problem } = await reports.open(key, new Date(0), this.#signal);
        if (problem) throw problem;
        for (const entry of report?.keys ?? []) await this.#open(entry);
      });
      return this.#stateOf(key, problem);
    });
    for await (const state of states) count[state]++;
    return count;
  }

  /** An object that was put aside locks nobody out. */
  async #stateOf(object: string, problem: HoldfastError | undefined) {
    const state = stateOf(problem);
    if (state !== 'locked') return state;
    this.#quarantine ??= this.#repository.reports.quarantine(this.#signal);
    const reason = await (await this.#quarantine).reasonOf(object, this.#signal);
    return reason === undefined ? state : 'damaged';
  }

  #open(entry: RunKeyEntry): Promise<unknown> {
    const name = JSON.stringify([entry.run, entry.purpose, entry.rootKeyId, entry.wrapped]);
    const opened = this.#opened.get(name) ?? this.#repository.context.keys.unwrap(entry, this.#signal);
    this.#opened.set(name, opened);
    return opened;
  }

  async #problemOf(work: () => Promise<void>): Promise<HoldfastError | undefined> {
    try {
      await work();
      return undefined;
    } catch (error) {
      if (isDocumentProblem(error)) return error;
      throw error;
    }
  }
}

function stateOf(problem: HoldfastError | undefined): 'opens' | 'locked' | 'damaged' {
  if (!problem) return 'opens';
  return problem.code === 'E_WRONG_KEY' ? 'locked' : 'damaged';
}

function idsOf(keys: readonly RunKeyEntry[], rootKeys: readonly string[]): string[] {
  return [...new Set([...keys.map(({ rootKeyId }) => rootKeyId), ...rootKeys])].sort();
}
