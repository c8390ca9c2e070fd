import { randomBytes } from 'node:crypto';
import { DEFAULT_PRUNE } from '../config/retention.ts';
import type { StorageClasses } from '../config/storage.ts';
import { type Clock, Stopwatch, systemClock } from '../core/clock.ts';
import { about, isHoldfastError } from '../core/errors.ts';
import { DEFAULT_FORMAT, type FormatVersion } from '../core/format-version.ts';
import { type BackupKey, parseBackupKey } from '../core/ids.ts';
import { mostInMemory } from '../core/parallel.ts';
import { KiB, MiB } from '../core/units.ts';
import { addTotals, NO_METER, WorkMeter, type WorkTotal } from '../core/work-meter.ts';
import { isDocumentProblem } from '../format/authenticated-json.ts';
import type { ChunkerParameters } from '../format/chunker.ts';
import { keysFileKey, parseKeysFile } from '../format/keys-file.ts';
import type { Manifest } from '../format/manifest.ts';
import {
  checkRepositoryFile,
  DEFAULT_CHUNKER,
  encodeRepositoryFile,
  parseRepositoryFile,
  REPOSITORY_FILE,
} from '../format/repository-file.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import type { ObjectInfo, ObjectStore } from '../store/object-store.ts';
import { WorkerPool } from './codec/worker-pool.ts';
import type { Limits, RepositoryContext } from './context.ts';
import { type Marks, readMarks } from './documents/marks.ts';
import { Reports } from './documents/reports.ts';
import { nextInSequence } from './documents/sequence.ts';
import { SequenceLinks } from './documents/sequence-links.ts';
import { KeyRing } from './keys/key-ring.ts';
import { isSuccessor, openKeychain, refuseReplaced } from './keys/root-keys.ts';
import { type SignatureOptions, Signatures } from './keys/signatures.ts';
import { PackLists } from './packs/pack-lists.ts';
import { spoiltPackOf } from './packs/spoilt-packs.ts';
import { BackupReader, loadHere } from './reading/backup-reader.ts';
import { BundledStore } from './reading/bundled-store.ts';
import { DocumentMemory } from './reading/document-memory.ts';
import { ListedObjects } from './reading/listed-objects.ts';
import { type ManifestEntry, ManifestReader } from './reading/manifest-reader.ts';
import { SegmentCache } from './reading/segment-cache.ts';
import { readRepositoryFile, refuseTakenPlace, repositoryExists } from './repository-place.ts';
import type { BackupWriterOptions } from './writing/backup-to-write.ts';
import { BackupWriter } from './writing/backup-writer.ts';
import { DEFAULT_REREAD_WITHIN } from './writing/reread.ts';

const DEFAULT_PACK_BYTES = 8 * MiB;
const DEFAULT_LEVEL = 3;
/** With so much to do, every thread is worth its start. */
const MANY_BYTES = 16 * MiB;
/** A manifest of format 2 takes no more, however large the backup is. */
const MOST_MANIFEST_BYTES = 8 * KiB;
/** Stored size of remembered manifests and reports. In memory they take about twice as much. */
const MOST_REMEMBERED_BYTES = 24 * MiB;

/** What a repository is opened with. */
export interface RepositoryOptions {
  readonly store: ObjectStore;
  /** Undefined: only operations that need no key are possible. */
  readonly keys: KeyProvider | undefined;
  /** The key may open only keys of manifests: these are proven, `repository.json` is not. @default false */
  readonly onlyManifestKeys?: boolean | undefined;
  /** Worker threads. */
  readonly workers: number;
  /** Counts what work takes, here and on threads of its own. @default nothing is counted */
  readonly meter?: WorkMeter | undefined;
  /** Threads shared with other open repositories, which outlive this one. @default `workers` of its own */
  readonly pool?: WorkerPool | undefined;
  /** zstd level, 0 stores raw. @default 3 */
  readonly level?: number | undefined;
  /** False: write-only, stored data of earlier backups is never opened. @default true */
  readonly deltas?: boolean | undefined;
  /**
   * What backups take from their parents is read again within this many backups, and days; 0: never. @default
   * 30
   */
  readonly rereadWithin?: number | undefined;
  /** Storage class of packs of chunks, by type of backup. @default the store's own */
  readonly storageClass?: StorageClasses | undefined;
  /** Bound on stored bytes kept for reading again. @default 16 MiB */
  readonly cacheBytes?: number | undefined;
  /** @default 8 MiB */
  readonly packBytes?: number | undefined;
  /** Largest manifest of format 2 that names its packs itself. @default 8 KiB */
  readonly manifestBytes?: number | undefined;
  /** How long prune waits before it removes packs; 0: it does not wait. @default 7 days */
  readonly graceMs?: number | undefined;
  /** Ids of the recovery keys that keys are wrapped to. @default all in the repository */
  readonly recoveryKeys?: readonly string[] | undefined;
  /** Who signs, and whose signatures are trusted. @default nobody */
  readonly signing?: SignatureOptions | undefined;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

interface View {
  /** The store without bundles. */
  readonly objects: ObjectStore;
  readonly listed: ListedObjects;
  readonly remembers: boolean;
}

interface BackupListing {
  readonly keys: BackupKey[];
  /** Ids of packs that backups must no longer refer to: spoilt-packs.ts. */
  readonly spoiltPacks: ReadonlySet<string>;
}

/** An open repository. */
export class Repository implements AsyncDisposable {
  readonly #context: RepositoryContext;
  readonly #ownsPool: boolean;
  /** Manifests, as the last listing said. */
  readonly #listed: ListedObjects;
  readonly #manifests: ManifestReader;
  readonly #isView: boolean;
  /** Of manifests that were read and proven. */
  readonly links = new SequenceLinks();
  readonly reports: Reports;

  private constructor(context: RepositoryContext, ownsPool: boolean, view?: View) {
    this.#context = context;
    this.#ownsPool = ownsPool;
    this.#isView = view !== undefined;
    this.#listed = view?.listed ?? new ListedObjects();
    this.reports = new Reports(
      context,
      view?.remembers ? new DocumentMemory(MOST_REMEMBERED_BYTES) : undefined,
    );
    this.#manifests = new ManifestReader(context, {
      reports: this.reports,
      listed: this.#listed,
      links: this.links,
      objects: view?.objects,
      memory: view?.remembers ? new DocumentMemory(MOST_REMEMBERED_BYTES) : undefined,
    });
  }

  /**
   * Makes a repository if there is none.
   *
   * @throws E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY if the place holds other things
   */
  static async init(options: {
    readonly store: ObjectStore;
    readonly keys: KeyProvider;
    readonly chunker?: ChunkerParameters;
    /** Format of its backups. @default DEFAULT_FORMAT */
    readonly version?: FormatVersion;
    readonly clock?: Clock;
    readonly signal: AbortSignal;
  }): Promise<{ readonly id: string; readonly rootKeyId: string }> {
    const { store, keys, chunker = DEFAULT_CHUNKER, clock = systemClock, signal } = options;
    const { version = DEFAULT_FORMAT } = options;
    await refuseTakenPlace(store, signal);
    const id = randomBytes(16).toString('hex');
    const secret = await keys.generateDataKey({ repository: id, run: id, purpose: 'repository' }, signal);
    const { rootKeyId, wrapped } = secret;
    const createdAt = clock.now().toISOString();
    const file = { version, id, createdAt, chunker, secret: { rootKeyId, wrapped } };
    try {
      await store.put(REPOSITORY_FILE, encodeRepositoryFile(file, secret.plain), { signal });
    } catch (error) {
      throw isHoldfastError(error, 'E_OBJECT_EXISTS') ? repositoryExists(store) : error;
    }
    return { id, rootKeyId };
  }

  /**
   * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY, E_NEWER_FORMAT; with a key E_WRONG_KEY, E_DAMAGED
   */
  static async open(options: RepositoryOptions): Promise<Repository> {
    const { store, keys: provider, workers, clock = systemClock, signal, level = DEFAULT_LEVEL } = options;
    const sinceOpened = new Stopwatch(clock);
    const bytes = await readRepositoryFile(store, signal);
    const file = parseRepositoryFile(bytes);
    const chain = provider && (await openKeychain(store, file, provider, signal));
    const keys = new KeyRing(chain, file.id, (of, using) => refuseReplaced(store, of, using));
    let secret: Promise<Uint8Array> | undefined;
    const openSecret = (using: AbortSignal): Promise<Uint8Array> => {
      const context = { repository: file.id, run: file.id, purpose: 'repository' } as const;
      secret ??= about(REPOSITORY_FILE, () => keys.provider().unwrapDataKey(file.secret, context, using));
      return secret;
    };
    if (provider && !options.onlyManifestKeys) checkRepositoryFile(bytes, await openSecret(signal));
    const limits: Limits = {
      packBytes: options.packBytes ?? DEFAULT_PACK_BYTES,
      manifestBytes: options.manifestBytes ?? MOST_MANIFEST_BYTES,
      maxUploads: 2,
      maxBlocks: 1 + 2 * workers,
      level,
      deltas: options.deltas ?? true,
      rereadWithin: options.rereadWithin ?? DEFAULT_REREAD_WITHIN,
    };
    const segments = new SegmentCache(store, options.cacheBytes ?? 16 * MiB);
    const { meter } = options;
    const pool = options.pool ?? new WorkerPool(workers, { isMetered: meter !== undefined });
    const { graceMs = DEFAULT_PRUNE.graceMs, storageClass = {}, recoveryKeys = [] } = options;
    const bounds = { limits, graceMs, storageClass, recoveryKeys };
    const signatures = new Signatures(options.signing);
    const lists = new PackLists(store);
    const shared = { store, clock, file, keys, signatures, pool, segments, lists, sinceOpened, ...bounds };
    const parts = { ...shared, meter: meter ?? NO_METER };
    return new Repository({ ...parts, secret: openSecret }, options.pool === undefined);
  }

  /** The same repository without a key: nothing is proven, and no key is opened. */
  withoutKey(): Repository {
    return new Repository({ ...this.#context, keys: new KeyRing(undefined, this.id) }, false);
  }

  /**
   * The same repository for code that shows it: small objects come from bundles, if there are any. Not for
   * code that looks for damage, or that removes anything.
   *
   * @param options.remembers keeps what was read, as long as listings say that it is unchanged. @default
   * false
   */
  forViews({ remembers = false }: { readonly remembers?: boolean } = {}): Repository {
    if (this.#isView) return this;
    const store = new BundledStore(this.store);
    const lists = remembers ? new PackLists(store, new DocumentMemory(MOST_REMEMBERED_BYTES)) : this.lists;
    return new Repository({ ...this.#context, store, lists }, false, {
      objects: this.store,
      listed: this.#listed,
      remembers,
    });
  }

  /** Whether a key, or signatures that are required, prove that what is read is Holdfast's. */
  get isProving(): boolean {
    return this.#context.keys.hasRootKey || this.#context.signatures.isRequired;
  }

  get id(): string {
    return this.#context.file.id;
  }

  /** The root key that wraps new keys; without a key, the one that the repository was made with. */
  get rootKeyId(): string {
    const { keys, file } = this.#context;
    return keys.hasRootKey ? keys.provider().rootKeyId : file.secret.rootKeyId;
  }

  get store(): ObjectStore {
    return this.#context.store;
  }

  get clock(): Clock {
    return this.#context.clock;
  }

  get context(): RepositoryContext {
    return this.#context;
  }

  /** Which packs manifests name. */
  get lists(): PackLists {
    return this.#context.lists;
  }

  /**
   * Holds, acceptances, and the newest verification and drill of each backup.
   *
   * @param since if only backups that began from then on matter: skips older reports. @throws E_STORE_*
   */
  marks(signal: AbortSignal, since?: Date): Promise<Marks> {
    return readMarks(this.reports, signal, since);
  }

  /** Keys of all listed backups, newest first. */
  async backupKeys(signal: AbortSignal, prefix = 'backups/'): Promise<BackupKey[]> {
    return (await this.listing(signal, prefix)).keys;
  }

  /**
   * One listing's result: names of all backups, newest first, and the packs that verifications found damaged.
   */
  async listing(signal: AbortSignal, prefix = 'backups/'): Promise<BackupListing> {
    const keys = [];
    const spoiltPacks = new Set<string>();
    for await (const info of this.store.list(prefix, { signal })) {
      const { key } = info;
      const parsed = parseBackupKey(key);
      if (parsed) keys.push(parsed);
      if (parsed) this.#listed.note(info);
      const pack = spoiltPackOf(key);
      if (pack) spoiltPacks.add(pack);
    }
    keys.sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.key < b.key ? 1 : -1));
    return { keys: keys.map(({ key }) => key), spoiltPacks };
  }

  /** How many of these manifests may be in memory at once, by their listed sizes. */
  readsOf(keys: readonly BackupKey[], bounds: Parameters<typeof mostInMemory>[1]): number {
    return mostInMemory(
      keys.map((key) => ({ bytes: this.#listed.sizeOf(key) })),
      bounds,
    );
  }

  /** As the last listings said, in no order; some may be gone since. */
  listedManifests(): readonly ObjectInfo[] {
    return this.#listed.all();
  }

  /** Of a manifest that somebody else has listed. */
  noteListed(info: ObjectInfo): void {
    this.#listed.note(info);
  }

  /** When a listed backup was stored, by the store's clock, as the last listing said. */
  storedAt(key: string): Date | undefined {
    return this.#listed.storedAt(key);
  }

  /** Reads a manifest and checks its signature and, with a key, its MAC. @throws E_NO_BACKUP, E_DAMAGED, E_NEWER_FORMAT, E_WRONG_KEY */
  readManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    return this.#manifests.readManifest(key, signal);
  }

  /** As `readManifest`, but without checking its MAC: the key may not be available. */
  readUnprovenManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    return this.#manifests.readUnprovenManifest(key, signal);
  }

  /** As `readManifest`, but returns the manifest's own problem as a value. @throws E_NO_BACKUP */
  inspectManifest(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry> {
    return this.#manifests.inspectManifest(key, signal);
  }

  /** The same, wherever its bytes are. @throws what `read` throws, except for the object's own problem */
  inspect(key: BackupKey, read: () => Promise<Uint8Array>, signal: AbortSignal): Promise<ManifestEntry> {
    return this.#manifests.inspect(key, read, signal);
  }

  /** As `inspectManifest`; undefined if the backup was removed since it was seen. */
  inspectIfListed(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry | undefined> {
    return this.#manifests.inspectIfListed(key, signal);
  }

  async openBackup(key: BackupKey, signal: AbortSignal): Promise<BackupReader> {
    return this.openManifest(await this.readManifest(key, signal), signal);
  }

  /** @param manifest one that `readManifest` gave. @throws E_DAMAGED, E_WRONG_KEY, E_NO_KEY */
  openManifest(manifest: Manifest, signal: AbortSignal): Promise<BackupReader> {
    return BackupReader.open(this.#context, manifest, signal);
  }

  /**
   * Whether this key replaced the configured one, as that one itself confirms in this key's object under
   * `keys/`. @throws E_STORE_*
   */
  async wasReplacedBy(rootKeyId: string, signal: AbortSignal): Promise<boolean> {
    const key = keysFileKey(rootKeyId);
    try {
      const file = parseKeysFile(await this.store.get(key, { signal }), key);
      return file.repository === this.id && isSuccessor(file, this.#context.keys.provider());
    } catch (error) {
      if (isHoldfastError(error, 'E_OBJECT_NOT_FOUND') || isDocumentProblem(error)) return false;
      throw error;
    }
  }

  /** What the work of this repository has taken so far, on its threads; empty without `meter`. */
  async workTotals(): Promise<readonly WorkTotal[]> {
    const { meter, pool } = this.#context;
    if (!(meter instanceof WorkMeter)) return [];
    const ofThreads = await pool.broadcast({ kind: 'meter' });
    return addTotals([meter.totals(), ...ofThreads.map(({ value }) => value)]);
  }

  /**
   * Starts a worker thread now, so that it is ready for the first task.
   *
   * @param plainBytes what there is to do, if that is known: all threads start if it is much @default 0
   */
  warmUp(plainBytes = 0): void {
    const { pool } = this.#context;
    pool.start(plainBytes < MANY_BYTES ? 1 : pool.size);
  }

  /** Loads what reads chunks without a worker thread, where only a few may be wanted. */
  prepareHere(): void {
    loadHere()
      .then(({ prepare }) => prepare())
      .catch(() => {});
  }

  /** Starts a worker thread while a backup is opened that will be read, then all of them if it is large. */
  async openWarm(open: () => Promise<BackupReader>): Promise<BackupReader> {
    this.warmUp();
    const reader = await open();
    this.warmUp(reader.manifest.totals.plainBytes);
    return reader;
  }

  /** @throws E_NO_KEY, E_WRONG_KEY, E_STORE_* */
  beginBackup(options: Omit<BackupWriterOptions, 'sequence' | 'onListed'>): Promise<BackupWriter> {
    const { source, signal } = options;
    const sequence = () => nextInSequence(this, source, signal);
    const { onListed } = this.links;
    return BackupWriter.begin(this.#context, { ...options, sequence, onListed });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsPool) await this.#context.pool.close();
  }
}

/** The same without the packs that it names, which take most of the memory if many are kept. */
export function withNoPacks(manifest: Manifest): Manifest {
  return manifest.packs ? { ...manifest, packs: [] } : manifest;
}
