/** How a server begins. */
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
  readonly etagWithoutBody?: EtagMeaning;
  /** Of a shallow read, in place of `etagWithoutBody`. */
  readonly etagOfShallow?: EtagMeaning;
  /** Of a silent read, in place of `etagWithoutBody`. */
  readonly etagOfSilent?: EtagMeaning;
  /** Of a read with its data: a whole place, in either format, or a query. @default data */
  readonly etagOf?: EtagMeaning;
  /** Whether an ETag of the data changes with the priorities in it. @default true */
  readonly etagCountsPriorities?: boolean;
  /** Write dense integer keys as arrays in export format too, save of nodes with a priority. @default false */
  readonly exportArrays?: boolean;
  /** Keep integers of up to 64 bits digit for digit; else they become doubles, as JavaScript's are. @default false */
  readonly exactIntegers?: boolean;
  /** Refuse `shallow` with `limitToFirst` and `startAfter`, as the reference says. @default false */
  readonly shallowAlone?: boolean;
  /**
   * How a shallow read takes `startAfter`: `either` with quotes or without, `literal` as it stands, so that quotes are a
   * part of the key, `quoted` as JSON only. @default either
   */
  readonly shallowStartAfter?: 'either' | 'literal' | 'quoted';
  /** Databases that answer each request with a redirect, and to which origin. */
  readonly redirects?: Readonly<Record<string, Redirect>>;
  /** @default 256 MiB */
  readonly maxResponseBytes?: number;
  /** Refuse a silent read if the data would be too large to answer. @default false */
  readonly limitSilentReads?: boolean;
  /** Nodes with more children refuse to be read, whole or by a query; a shallow read lists them. @default no limit */
  readonly maxChildren?: number;
  /** Nodes of more bytes in export format refuse queries, limited ones too. @default no limit */
  readonly pagedQueryLimitBytes?: number;
  /** How an answer above the limit is refused; the real service has both. @default 400 */
  readonly tooBigStatus?: 400 | 413;
  /** @default 256 MiB */
  readonly maxWriteBytes?: number;
  /**
   * What a write may cost if the request says nothing; the real service starts with `large`. @default
   * unlimited
   */
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

/**
 * What an ETag is made of: all `data` of the place, the bytes of the `answer`, the `place` alone whatever it holds, the
 * `request` (another one each time); or there is `none`.
 */
export type EtagMeaning = 'data' | 'answer' | 'place' | 'request' | 'none';

/** Sends requests of a path elsewhere. */
export interface Redirect {
  /** `https://elsewhere.example`; the path and the query of the request are added. */
  readonly to: string;
  /** @default 307 */
  readonly status?: 301 | 302 | 307 | 308;
}
