import { availableParallelism } from 'node:os';
import type { StorageClasses } from '../config/storage.ts';
import { HoldfastError } from '../core/errors.ts';
import type { FormatVersion } from '../core/format-version.ts';
import { HexKeyProvider } from '../keys/hex-key-provider.ts';
import type { KeyProvider } from '../keys/key-provider.ts';
import { Repository, type RepositoryOptions } from '../repository/repository.ts';
import type { ObjectStore } from '../store/object-store.ts';
import { openStore, type StoreConfig } from '../store/open-store.ts';
import { bucketWarnings, checkBucket, refuseUnsafe } from './doctor/bucket-rules.ts';
import { openSigning, type SigningPlace } from './keys/signing.ts';

export interface RepositoryConfig extends StoreConfig {
  /** 64 hex digits. Undefined opens it for what needs no key (list, quick verify). */
  readonly encryptionKey?: string | undefined;
  /** ARN, id or alias of a KMS key, instead. */
  readonly kmsKey?: string | undefined;
  /** ARNs of KMS keys that came before `kmsKey`. @default none */
  readonly olderKmsKeys?: readonly string[] | undefined;
  /** Ids of recovery keys: keys are wrapped to these and no others. @default all that the repository has */
  readonly recoveryKeys?: readonly string[] | undefined;
  /** The key may open keys of manifests and no others. @default false */
  readonly onlyManifestKeys?: boolean | undefined;
  /** Worker threads. @default cores, 4 at most */
  readonly workers?: number | undefined;
  /** Bound on stored bytes kept in memory to be read again. @default 16 MiB */
  readonly cacheBytes?: number | undefined;
  /** zstd level, 0 stores raw. @default 3 */
  readonly compressionLevel?: number | undefined;
  /** False: write-only, what is stored of earlier backups' data is never opened. @default true */
  readonly deltas?: boolean | undefined;
  /** What backups take from their parents is read again within so many backups, and days; 0: never. @default 30 */
  readonly rereadWithin?: number | undefined;
  /** Of packs of chunks, by type of backup. @default the store's own */
  readonly storageClass?: StorageClasses | undefined;
  /** Who signs, and whose signatures are believed. */
  readonly signing?: SigningPlace | undefined;
  /** How long prune waits before it removes packs; no run may last longer than half of it. @default 7 days */
  readonly graceMs?: number | undefined;
}

export interface InitResult {
  readonly location: string;
  readonly repositoryId: string;
  readonly rootKeyId: string;
  /** What its bucket has that is no danger, and should not be; and what could not be looked at. */
  readonly warnings: readonly string[];
}

/** Instead of what the configuration says. */
export interface Given extends Partial<Pick<RepositoryOptions, 'store' | 'pool'>> {
  /** What opens the repository instead of the configured root key. */
  readonly openKeys?: ((store: ObjectStore) => Promise<KeyProvider>) | undefined;
}

/** Worker threads that several open repositories use, and that outlive them. */
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
    throw new HoldfastError('E_NO_KEY', 'a repository needs an encryption key, and none is configured', {
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
 * @param given instead of a store, threads and keys of its own
 * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY, E_NEWER_FORMAT, E_WRONG_KEY, E_BAD_KEY, E_STORE_*
 */
export async function openConfiguredRepository(
  config: RepositoryConfig,
  signal: AbortSignal,
  given: Given = {},
): Promise<Repository> {
  const store = given.store ?? (await openStore(config));
  return Repository.open({
    store,
    pool: given.pool,
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

/** Undefined where no key is configured. @throws E_BAD_KEY, E_KEY_* */
export async function keyProvider(
  { encryptionKey, kmsKey, olderKmsKeys, s3 }: RepositoryConfig,
  signal: AbortSignal,
): Promise<KeyProvider | undefined> {
  if (encryptionKey !== undefined) return new HexKeyProvider(encryptionKey);
  if (kmsKey === undefined) return undefined;
  const { KmsKeyProvider } = await import('../keys/kms-key-provider.ts');
  return KmsKeyProvider.open({ keyId: kmsKey, older: olderKmsKeys, region: s3?.region }, signal);
}
