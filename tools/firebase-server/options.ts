export interface FirebaseServerOptions {
  /** @default any free port */
  readonly port?: number;
  /** Databases that exist, named by `?ns=` or the first label of the host. @default local */
  readonly namespaces?: readonly string[];
  /** Databases that live elsewhere, with their right URL: requests get the real service's region redirect. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Accepted tokens. @default open to all */
  readonly tokens?: readonly string[];
  /** Tokens that were good once. */
  readonly expiredTokens?: readonly string[];
  /**
   * ETag of a shallow or silent read: that of all data below, a hash of the answer itself (which stays while data
   * below changes), or none. The real service documents nothing. @default data
   */
  readonly etagWithoutBody?: 'data' | 'answer' | 'none';
  /** @default 256 MiB */
  readonly maxResponseBytes?: number;
  /** How an answer above the limit is refused; the real service has both. @default 400 */
  readonly tooBigStatus?: 400 | 413;
  /** @default 256 MiB */
  readonly maxWriteBytes?: number;
  /** What a write may cost where the request says nothing; the real service starts with `large`. @default unlimited */
  readonly defaultWriteSizeLimit?: WriteSizeLimit;
  /**
   * Count all that lies at the path of the request, not only what the write replaces: users report that a small PATCH
   * of a large database's root is refused so. @default false
   */
  readonly writeSizeCountsWholePath?: boolean;
  /** How fast writes are taken to be when their time is estimated. @default 1 MiB */
  readonly estimatedWriteBytesPerSecond?: number;
  /** Added to every request. */
  readonly latencyMs?: number;
  /** More get status 429. @default no limit */
  readonly requestsPerSecond?: number;
  /** Nodes with more children refuse queries as too big. @default no limit */
  readonly pagedQueryLimitChildren?: number;
}

/** Most seconds that a write may take by estimate: 1, 10, 30, 60 or any. */
export type WriteSizeLimit = 'tiny' | 'small' | 'medium' | 'large' | 'unlimited';
