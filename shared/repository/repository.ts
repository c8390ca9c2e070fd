import { createHash, randomBytes } from 'node:crypto';
import { type Clock, Stopwatch, systemClock } from '../core/clock.ts';
import { DEFAULT_PRUNE } from '../core/config-retention.ts';
import type { StorageClasses } from '../core/config-storage.ts';
import { about, HoldfastError, isHoldfastError } from '../core/errors.ts';
import { DEFAULT_FORMAT, type FormatVersion } from '../core/format-version.ts';
import { type BackupKey, parseBackupKey } from '../core/ids.ts';
import { KiB, MiB } from '../core/units.ts';
import { isAuthentic, isDocumentProblem } from '../format/authenticated-json.ts';
import type { ChunkerParameters } from '../format/chunker.ts';
import { keysFileKey, parseKeysFile } from '../format/keys-file.ts';
import { type Manifest, parseManifest } from '../format/manifest.ts';
import {
  checkRepositoryFile,
  DEFAULT_CHUNKER,
  encodeRepositoryFile,
  parseRepositoryFile,
  REPOSITORY_FILE,
} from '../format/repository-file.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { BackupReader } from './backup-reader.ts';
import type { BackupWriterOptions } from './backup-to-write.ts';
import { BackupWriter } from './backup-writer.ts';
import type { Limits, RepositoryContext } from './context.ts';
import { KeyRing } from './key-ring.ts';
import { type Marks, readMarks } from './marks.ts';
import { PackLists } from './pack-lists.ts';
import { Reports } from './reports.ts';
import { readRepositoryFile, refuseTakenPlace, repositoryExists } from './repository-place.ts';
import { DEFAULT_REREAD_WITHIN } from './reread.ts';
import { isSuccessor, openKeychain, refuseReplaced } from './root-keys.ts';
import { SegmentCache } from './segment-cache.ts';
import { linkOf, nextInSequence, SequenceLinks } from './sequence.ts';
import { type SignatureOptions, Signatures } from './signatures.ts';
import { spoiltPackOf } from './spoilt-packs.ts';
import { WorkerPool } from './worker-pool.ts';

const DEFAULT_PACK_BYTES = 8 * MiB;
const DEFAULT_LEVEL = 3;
/** A manifest of format 2 takes no more, however large the backup is. */
const MOST_MANIFEST_BYTES = 8 * KiB;

export interface RepositoryOptions {
  readonly store: ObjectStore;
  /** Undefined: only what needs no key can be done. */
  readonly keys: KeyProvider | undefined;
  /** The key may open keys of manifests and no others: these are proven, `repository.json` is not. @default false */
  readonly onlyManifestKeys?: boolean | undefined;
  /** Worker threads. */
  readonly workers: number;
  /** Threads that other open repositories use too, and that outlive this one. @default `workers` of its own */
  readonly pool?: WorkerPool | undefined;
  /** zstd level, 0 stores raw. @default 3 */
  readonly level?: number | undefined;
  /** False: write-only, what is stored of earlier backups' data is never opened. @default true */
  readonly deltas?: boolean | undefined;
  /** What backups take from their parents is read again within so many backups, and days; 0: never. @default 30 */
  readonly rereadWithin?: number | undefined;
  /** Of packs of chunks, by type of backup. @default the store's own */
  readonly storageClass?: StorageClasses | undefined;
  /** Bound on stored bytes kept for reading again. @default 16 MiB */
  readonly cacheBytes?: number | undefined;
  /** @default 8 MiB */
  readonly packBytes?: number | undefined;
  /** Largest manifest of format 2 that names its packs itself. @default 8 KiB */
  readonly manifestBytes?: number | undefined;
  /** How long prune waits before it removes packs; 0: it does not. @default 7 days */
  readonly graceMs?: number | undefined;
  /** Ids of the recovery keys that keys are wrapped to. @default all that the repository has */
  readonly recoveryKeys?: readonly string[] | undefined;
  /** Who signs, and whose signatures are believed. @default nobody */
  readonly signing?: SignatureOptions | undefined;
  readonly clock?: Clock;
  readonly signal: AbortSignal;
}

/** A manifest as it was found: its MAC or signature checked, neither (no key), or the problem with it. */
export interface ManifestEntry {
  readonly key: BackupKey;
  readonly manifest: Manifest | undefined;
  readonly isProven: boolean;
  readonly problem: HoldfastError | undefined;
  /** By the store's clock, as the last listing said. */
  readonly storedAt?: Date | undefined;
  /** Of its bytes, in hex; undefined where there were none to be had. */
  readonly sha256?: string | undefined;
  /** Whether a key that is believed has signed it. */
  readonly isSigned?: boolean;
  /** What the document says, though it be forged: to be believed only where that makes more be kept. */
  readonly claimed?: Manifest | undefined;
}

type Proof = Pick<ManifestEntry, 'isProven'> & { readonly isSigned: boolean };

interface BackupListing {
  readonly keys: BackupKey[];
  /** Ids of packs that backups are not to refer to any more: spoilt-packs.ts. */
  readonly spoiltPacks: ReadonlySet<string>;
}

/** An open repository. */
export class Repository implements AsyncDisposable {
  readonly #context: RepositoryContext;
  readonly #ownsPool: boolean;
  /** When manifests were stored, as the last listing said. */
  readonly #storedAt = new Map<string, Date>();
  /** Of manifests that were read and proven. */
  readonly links = new SequenceLinks();
  #reports: Reports | undefined;

  private constructor(context: RepositoryContext, ownsPool: boolean) {
    this.#context = context;
    this.#ownsPool = ownsPool;
  }

  /**
   * Makes a repository where there is none.
   *
   * @throws E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY where the place holds other things
   */
  static async init(options: {
    readonly store: ObjectStore;
    readonly keys: KeyProvider;
    readonly chunker?: ChunkerParameters;
    /** What its backups are written in. @default DEFAULT_FORMAT */
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
    const pool = options.pool ?? new WorkerPool(workers);
    const { graceMs = DEFAULT_PRUNE.graceMs, storageClass = {}, recoveryKeys = [] } = options;
    const bounds = { limits, graceMs, storageClass, recoveryKeys };
    const signatures = new Signatures(options.signing);
    const lists = new PackLists(store);
    const parts = { store, clock, file, keys, signatures, pool, segments, lists, sinceOpened, ...bounds };
    return new Repository({ ...parts, secret: openSecret }, options.pool === undefined);
  }

  /** The same repository as somebody without a key sees it: nothing is proven, and no key is opened. */
  withoutKey(): Repository {
    return new Repository({ ...this.#context, keys: new KeyRing(undefined, this.id) }, false);
  }

  /** Whether a key, or signatures that are required, prove that what is read is Holdfast's. */
  get isProving(): boolean {
    return this.#context.keys.hasRootKey || this.#context.signatures.isRequired;
  }

  get id(): string {
    return this.#context.file.id;
  }

  /** The root key that new keys are wrapped under; without a key, the one that the repository was made with. */
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

  get reports(): Reports {
    this.#reports ??= new Reports(this.#context);
    return this.#reports;
  }

  /**
   * Holds, acceptances, and the newest verification and drill of each backup.
   *
   * @param since where only backups that began then or later are asked about: spares older reports. @throws E_STORE_*
   */
  marks(signal: AbortSignal, since?: Date): Promise<Marks> {
    return readMarks(this.reports, signal, since);
  }

  /** Keys of all listed backups, newest first. */
  async backupKeys(signal: AbortSignal, prefix = 'backups/'): Promise<BackupKey[]> {
    return (await this.listing(signal, prefix)).keys;
  }

  /** What one listing tells: keys of all backups, newest first, and the packs that verifications found damaged. */
  async listing(signal: AbortSignal, prefix = 'backups/'): Promise<BackupListing> {
    const keys = [];
    const spoiltPacks = new Set<string>();
    for await (const { key, modifiedAt } of this.store.list(prefix, { signal })) {
      const parsed = parseBackupKey(key);
      if (parsed) keys.push(parsed);
      if (parsed) this.#storedAt.set(key, modifiedAt);
      const pack = spoiltPackOf(key);
      if (pack) spoiltPacks.add(pack);
    }
    keys.sort((a, b) => b.startedAt.getTime() - a.startedAt.getTime() || (a.key < b.key ? 1 : -1));
    return { keys: keys.map(({ key }) => key), spoiltPacks };
  }

  /** When a listed backup was stored, by the store's clock, as the last listing said. */
  storedAt(key: string): Date | undefined {
    return this.#storedAt.get(key);
  }

  /** Reads a manifest and checks its signature and, with a key, its MAC. @throws E_NO_BACKUP, E_DAMAGED, E_NEWER_FORMAT, E_WRONG_KEY */
  async readManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    const bytes = await this.#manifestBytes(key, signal);
    const manifest = this.#ours(parseManifest(bytes, key));
    await this.#prove(bytes, manifest, signal);
    this.#note(manifest, sha256Of(bytes));
    return manifest;
  }

  /** As `readManifest`, but believes it without a look at its MAC: it may be of a key that is not there. */
  async readUnprovenManifest(key: BackupKey, signal: AbortSignal): Promise<Manifest> {
    return this.#ours(parseManifest(await this.#manifestBytes(key, signal), key));
  }

  /** As `readManifest`, but with the problem as a value, where it is the manifest's own. @throws E_NO_BACKUP */
  async inspectManifest(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry> {
    const entry = await this.inspect(key, () => this.#manifestBytes(key, signal), signal);
    if (entry.manifest && entry.sha256 !== undefined) this.#note(entry.manifest, entry.sha256);
    return entry;
  }

  /** The same, wherever its bytes lie. @throws what `read` throws, but for a problem of the object itself */
  async inspect(
    key: BackupKey,
    read: () => Promise<Uint8Array>,
    signal: AbortSignal,
  ): Promise<ManifestEntry> {
    let claimed: Manifest | undefined;
    let sha256: string | undefined;
    const storedAt = this.#storedAt.get(key);
    try {
      const bytes = await read();
      sha256 = sha256Of(bytes);
      claimed = parseManifest(bytes, key);
      const manifest = this.#ours(claimed);
      const proof = await this.#prove(bytes, manifest, signal);
      return { key, manifest, ...proof, problem: undefined, storedAt, sha256, claimed };
    } catch (error) {
      if (!isDocumentProblem(error)) throw error;
      return { key, manifest: undefined, isProven: false, problem: error, storedAt, sha256, claimed };
    }
  }

  /** As `inspectManifest`; undefined where the backup was removed since it was seen. */
  async inspectIfListed(key: BackupKey, signal: AbortSignal): Promise<ManifestEntry | undefined> {
    try {
      return await this.inspectManifest(key, signal);
    } catch (error) {
      if (isHoldfastError(error, 'E_NO_BACKUP')) return undefined;
      throw error;
    }
  }

  async openBackup(key: BackupKey, signal: AbortSignal): Promise<BackupReader> {
    return this.openManifest(await this.readManifest(key, signal), signal);
  }

  /** @param manifest one that `readManifest` gave. @throws E_DAMAGED, E_WRONG_KEY, E_NO_KEY */
  openManifest(manifest: Manifest, signal: AbortSignal): Promise<BackupReader> {
    return BackupReader.open(this.#context, manifest, signal);
  }

  /** Whether the configured key was replaced by this one, as it said itself in that one's object under `keys/`. @throws E_STORE_* */
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

  /** Starts the worker threads now, so that they are there when the first task comes. */
  warmUp(): void {
    this.#context.pool.start();
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

  #note(manifest: Manifest, sha256: string): void {
    this.links.note(linkOf(manifest, sha256, this.#storedAt.get(manifest.key)));
  }

  #ours(manifest: Manifest): Manifest {
    const { key, repository } = manifest;
    if (repository === this.id) return manifest;
    throw new HoldfastError('E_DAMAGED', `${key} is of repository ${repository}, this is ${this.id}`);
  }

  /** What a signature or a MAC proves. @throws E_DAMAGED, E_WRONG_KEY */
  async #prove(bytes: Uint8Array, manifest: Manifest, signal: AbortSignal): Promise<Proof> {
    const { key } = manifest;
    const { keys, signatures } = this.#context;
    const isSigned = await signatures.check(bytes, key, (sha256) => this.reports.isAdopted(sha256));
    if (!keys.hasRootKey) return { isProven: isSigned, isSigned };
    const entry = manifest.keys.find(({ run, purpose }) => run === manifest.run && purpose === 'manifest');
    if (entry && isAuthentic(bytes, await about(key, () => keys.unwrap(entry, signal)))) {
      await keys.refuseUnbelieved(entry, bytes, key, signal);
      return { isProven: true, isSigned };
    }
    throw new HoldfastError(
      'E_DAMAGED',
      `${key} was changed after it was written, or was not written by Holdfast`,
      {
        hint: 'Restore it from an older version of the object, or use another backup.',
      },
    );
  }

  async #manifestBytes(key: BackupKey, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await this.store.get(key, { signal });
    } catch (error) {
      if (!isHoldfastError(error, 'E_OBJECT_NOT_FOUND')) throw error;
      throw new HoldfastError('E_NO_BACKUP', `there is no backup ${key} in ${this.store.location}`, {
        cause: error,
        hint: 'Run `holdfast list` to see what there is.',
      });
    }
  }
}

/** The same without the packs that it names: where many are kept, these are what takes memory. */
export function withNoPacks(manifest: Manifest): Manifest {
  return manifest.packs ? { ...manifest, packs: [] } : manifest;
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
