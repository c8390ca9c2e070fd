import { availableParallelism } from 'node:os';
import type { StorageClasses } from '../config/storage.ts';
import { HoldfastError } from '../core/errors.ts';
import type { FormatVersion } from '../core/format-version.ts';
import type { WorkMeter } from '../core/work-meter.ts';
import { HexKeyProvider } from '../keys/hex-key-provider.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import { Repository, type RepositoryOptions } from '../repository/repository.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { openStore, type StoreConfig } from '../store/open-store.ts';
import { TimedStore } from '../store/timed-store.ts';
import { bucketWarnings, checkBucket, refuseUnsafe } from './doctor/bucket-rules.ts';
import { openSigning, type SigningPlace } from './keys/signing.ts';

/** Where a repository is, and what opens it. */
export interface RepositoryConfig extends StoreConfig {
  /** 64 hex digits. Undefined opens it for operations that need no key (list, quick verify). */
  readonly encryptionKey?: string | undefined;
  /** ARN, id or alias of a KMS key, instead. */
  readonly kmsKey?: string | undefined;
  /** ARNs of the KMS keys that `kmsKey` replaced. @default none */
  readonly olderKmsKeys?: readonly string[] | undefined;
  /** Ids of recovery keys: keys are wrapped only to these. @default all in the repository */
  readonly recoveryKeys?: readonly string[] | undefined;
  /** The key may open only keys of manifests. @default false */
  readonly onlyManifestKeys?: boolean | undefined;
  /** Worker threads. @default the number of cores, 4 at most */
  readonly workers?: number | undefined;
  /** Bound on stored bytes kept in memory for reading again. @default 16 MiB */
  readonly cacheBytes?: number | undefined;
  /** zstd level, 0 stores without compression. @default 3 */
  readonly compressionLevel?: number | undefined;
  /** False: write-only, stored data of earlier backups is never opened. @default true */
  readonly deltas?: boolean | undefined;
  /**
   * What backups take from their parents is read again within this many backups, and days; 0: never. @default
   * 30
   */
  readonly rereadWithin?: number | undefined;
  /** Storage class of packs of chunks, by type of backup. @default the store's own */
  readonly storageClass?: StorageClasses | undefined;
  /** Who signs, and whose signatures are trusted. */
  readonly signing?: SigningPlace | undefined;
  /** How long prune waits before it removes packs; no run may last longer than half of it. @default 7 days */
  readonly graceMs?: number | undefined;
}

/** A new repository. */
export interface InitResult {
  readonly location: string;
  readonly repositoryId: string;
  readonly rootKeyId: string;
  /** Settings of its bucket that are undesirable but not dangerous; and what could not be checked. */
  readonly warnings: readonly string[];
}

/** Instead of the configured ones. */
export interface Given extends Partial<Pick<RepositoryOptions, 'store' | 'pool'>> {
  /** Counts what work takes, on threads of its own, and how long the store takes. */
  readonly meter?: WorkMeter | undefined;
  /** What opens the repository, instead of the configured root key. */
  readonly openKeys?: ((store: ObjectStore) => Promise<KeyProvider>) | undefined;
}

/** Worker threads that several open repositories share, and that outlive them. */
export type Threads = RepositoryOptions['pool'];

const MOST_WORKERS = 4;

/** @throws E_UNSAFE_BUCKET, E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY (the place holds other things), E_NO_KEY, E_BAD_KEY */
export async function initConfiguredRepository(
  config: RepositoryConfig,
  signal: AbortSignal,
  { version }: { readonly version?: FormatVersion } = {},
): Promise<InitResult> {
  const keys = await keyProvider(config, signal);
  if (!keys) {
    throw new HoldfastError('E_NO_KEY', 'a repository needs an encryption key, but none is configured', {
      hint: 'Run `holdfast init --new-key FILE` to make one, or set BACKUP_ENCRYPTION_KEY.',
    });
  }
  const store = await openStore(config);
  const bucket = await checkBucket(config, signal);
  refuseUnsafe(bucket, config);
  const { id, rootKeyId } = await Repository.init({
    store,
    keys,
    ...(version === undefined ? {} : { version }),
    signal,
  });
  return { location: store.location, repositoryId: id, rootKeyId, warnings: bucketWarnings(bucket) };
}

/**
 * Opens a repository; dispose of it to end its worker threads.
 *
 * @param given store, threads and keys to use instead of its own
 * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY, E_NEWER_FORMAT, E_WRONG_KEY, E_BAD_KEY, E_STORE_*
 */
export async function openConfiguredRepository(
  config: RepositoryConfig,
  signal: AbortSignal,
  given: Given = {},
): Promise<Repository> {
  const { meter } = given;
  const opened = given.store ?? (await openStore(config));
  const store = meter ? new TimedStore(opened, meter) : opened;
  return Repository.open({
    store,
    meter,
    pool: meter ? undefined : given.pool,
    keys: await (given.openKeys?.(store) ?? keyProvider(config, signal)),
    onlyManifestKeys: config.onlyManifestKeys,
    recoveryKeys: config.recoveryKeys,
    signing: await openSigning(config),
    workers: config.workers ?? Math.min(MOST_WORKERS, availableParallelism()),
    level: config.compressionLevel,
    cacheBytes: config.cacheBytes,
    graceMs: config.graceMs,
    deltas: config.deltas,
    rereadWithin: config.rereadWithin,
    storageClass: config.storageClass,
    signal,
  });
}

/** Undefined if no key is configured. @throws E_BAD_KEY, E_KEY_* */
export async function keyProvider(
  { encryptionKey, kmsKey, olderKmsKeys, s3 }: RepositoryConfig,
  signal: AbortSignal,
): Promise<KeyProvider | undefined> {
  if (encryptionKey !== undefined) return new HexKeyProvider(encryptionKey);
  if (kmsKey === undefined) return undefined;
  const { KmsKeyProvider } = await import('../keys/kms-key-provider.ts');
  return KmsKeyProvider.open({ keyId: kmsKey, older: olderKmsKeys, region: s3?.region }, signal);
}
