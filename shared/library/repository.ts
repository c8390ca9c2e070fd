import path from 'node:path';
import { COMPRESSION_NAMES, type Compression, resolveCompression } from '../config/compression.ts';
import { HoldfastError } from '../core/errors.ts';
import { nearest } from '../core/nearest.ts';
import {
  initConfiguredRepository as init,
  openConfiguredRepository as open,
  type RepositoryConfig,
} from '../jobs/open-repository.ts';
import type { Repository } from '../repository/repository.ts';

/** Where a bucket is. */
export interface BucketOptions {
  /** @default the AWS SDK's region */
  readonly region?: string;
  /** Endpoint of another S3-compatible store. */
  readonly endpoint?: string;
  readonly forcePathStyle?: boolean;
}

/** Where a repository is, and the key that opens it. */
export interface OpenOptions {
  /** `s3://BUCKET/PREFIX`, or a folder. */
  readonly repository: string;
  /**
   * 64 hex digits. Without a key you can still do what needs none: list, and verify stored objects without
   * opening them.
   */
  readonly encryptionKey?: string;
  /** ARN, id or alias of a symmetric KMS key, instead. */
  readonly kmsKey?: string;
  /** ARNs of the KMS keys that `kmsKey` replaced. @default none */
  readonly olderKmsKeys?: readonly string[];
  readonly s3?: BucketOptions;
  /** Threads that compress, encrypt and compare, 0 to 64. @default the number of cores, 4 at most */
  readonly workers?: number;
  /** How hard backups are compressed: zstd's level 1, 3 or 12. @default 'balanced' */
  readonly compression?: Compression;
  /** Instead, a level of zstd, 0 to 19; 0 stores without compression. @default 3 */
  readonly compressionLevel?: number;
  /**
   * False: changed chunks are stored whole, and nothing that earlier backups stored is ever opened. @default
   * true
   */
  readonly deltas?: boolean;
  readonly signal?: AbortSignal;
}

/** An open repository for the functions of this library. Dispose of it (`await using`) to end its threads. */
export class OpenRepository implements AsyncDisposable {
  /** 32 hex digits. */
  readonly id: string;
  /** The bucket and prefix, or the folder. */
  readonly location: string;

  /** @internal */
  constructor(repository: Repository, config: RepositoryConfig) {
    this.id = repository.id;
    this.location = repository.store.location;
    ENGINES.set(this, { repository, config });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await engineOf(this).repository[Symbol.asyncDispose]();
  }
}

interface Engine {
  readonly repository: Repository;
  readonly config: RepositoryConfig;
}

/** Outside the class, so that its public type shows nothing of the engine. */
const ENGINES = new WeakMap<OpenRepository, Engine>();

/** @internal */
export function engineOf(opened: OpenRepository): Engine {
  const engine = ENGINES.get(opened);
  if (engine) return engine;
  throw new HoldfastError('E_USAGE', 'the first argument is not an open repository', {
    hint: 'Give what `await openRepository({ repository: … })` returned.',
  });
}

/** For callers that pass no signal. */
export const NEVER: AbortSignal = new AbortController().signal;

/**
 * Opens a repository.
 *
 * @throws HoldfastError E_NO_REPOSITORY, E_NEWER_FORMAT, E_WRONG_KEY, E_BAD_KEY, E_STORE_*; E_CONFIG for an
 * unknown option
 */
export async function openRepository(options: OpenOptions): Promise<OpenRepository> {
  const config = configOf(options);
  return new OpenRepository(await open(config, options.signal ?? NEVER), config);
}

/**
 * Makes a repository in an empty bucket or folder, and opens it.
 *
 * @throws HoldfastError E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY, E_UNSAFE_BUCKET, E_NO_KEY, E_BAD_KEY,
 * E_STORE_*
 */
export async function initRepository(options: OpenOptions): Promise<OpenRepository> {
  await init(configOf(options), options.signal ?? NEVER);
  return openRepository(options);
}

const OPTIONS: { readonly [Name in keyof Required<OpenOptions>]: true } = {
  repository: true,
  encryptionKey: true,
  kmsKey: true,
  olderKmsKeys: true,
  s3: true,
  workers: true,
  compression: true,
  compressionLevel: true,
  deltas: true,
  signal: true,
};

/** @throws E_CONFIG */
function configOf({ signal: _, ...options }: OpenOptions): RepositoryConfig {
  for (const name of Object.keys(options)) if (!Object.hasOwn(OPTIONS, name)) throw unknown(name);
  const { repository } = options;
  if (typeof repository !== 'string' || repository === '')
    throw new HoldfastError('E_CONFIG', 'the option `repository` is missing', {
      hint: 'Give `s3://BUCKET/PREFIX`, or a folder.',
    });
  if (options.encryptionKey !== undefined && options.kmsKey !== undefined)
    throw new HoldfastError('E_CONFIG', 'give `encryptionKey` or `kmsKey`, not both', {
      hint: 'Give the key that the repository was made with.',
    });
  const { compression, ...others } = options;
  const compressionLevel = levelOf(options);
  const isUrl = /^[a-z0-9]+:/i.test(repository);
  return { ...others, compressionLevel, repository: isUrl ? repository : path.resolve(repository) };
}

/** @throws E_CONFIG */
function levelOf({ compression, compressionLevel }: OpenOptions): number | undefined {
  if (compression !== undefined && !COMPRESSION_NAMES.includes(compression))
    throw new HoldfastError('E_CONFIG', `the option \`compression\` is '${compression}'`, {
      hint: `Give ${COMPRESSION_NAMES.join(', ')}, or a level of zstd as \`compressionLevel\`.`,
    });
  const problems: string[] = [];
  const level = resolveCompression({ compression, compressionLevel }, undefined, problems);
  for (const problem of problems) throw new HoldfastError('E_CONFIG', problem);
  return level;
}

function unknown(name: string): HoldfastError {
  const meant = nearest(name, Object.keys(OPTIONS));
  return new HoldfastError('E_CONFIG', `openRepository has no option '${name}'`, {
    hint:
      meant === undefined
        ? `The options are ${Object.keys(OPTIONS).join(', ')}.`
        : `Did you mean '${meant}'?`,
  });
}
