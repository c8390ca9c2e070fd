import type { Repository } from '../repository/repository.ts';

export interface RepositoryConfig {
  /** A folder (path or `file:` URL) or `s3://bucket/prefix`. */
  readonly repository: string;
  readonly s3?: {
    readonly region?: string | undefined;
    readonly endpoint?: string | undefined;
    readonly forcePathStyle?: boolean | undefined;
  };
  /** 64 hex digits. Undefined opens it for what needs no key (list, quick verify). */
  readonly encryptionKey?: string | undefined;
  /** Worker threads. @default cores */
  readonly workers?: number | undefined;
  /** Bound on buffers held by one run. @default 192 MiB */
  readonly memoryBytes?: number | undefined;
  /** zstd level, 0 stores raw. @default 3 */
  readonly compressionLevel?: number | undefined;
}

export interface InitResult {
  readonly location: string;
  readonly repositoryId: string;
  readonly rootKeyId: string;
}

/** @throws E_REPOSITORY_EXISTS, E_FOREIGN_REPOSITORY (the place holds other things), E_NO_KEY, E_BAD_KEY */
export declare function initRepository(config: RepositoryConfig, signal: AbortSignal): Promise<InitResult>;

/**
 * Opens a repository; dispose of it to end its worker threads.
 *
 * @throws E_NO_REPOSITORY, E_FOREIGN_REPOSITORY, E_NEWER_FORMAT, E_WRONG_KEY, E_BAD_KEY, E_STORE_*
 */
export declare function openRepository(config: RepositoryConfig, signal: AbortSignal): Promise<Repository>;
