import { fileURLToPath } from 'node:url';
import { HoldfastError } from '../core/errors.ts';
import { FolderStore } from './folder-store.ts';
import type { ObjectLocks } from './object-locks.ts';
import type { ObjectStore } from './object-store.ts';
import { RetryingStore } from './retrying-store.ts';
import type { S3Connection } from './s3-connection.ts';
import type { S3Contact } from './s3-contact.ts';
import type { S3Exports } from './s3-exports.ts';
import type { BucketRules } from './s3-rules.ts';

/** Where a store is. */
export interface StoreConfig {
  /** A folder (path or `file:` URL) or `s3://bucket/prefix`. */
  readonly repository: string;
  readonly s3?:
    | {
        readonly region?: string | undefined;
        readonly endpoint?: string | undefined;
        readonly forcePathStyle?: boolean | undefined;
        readonly profile?: string | undefined;
      }
    | undefined;
}

const S3_URL = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/;
const PREFIX = /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/;

/** The store at a repository's place, with retries. Sends nothing. @throws E_CONFIG */
export async function openStore({ repository, s3 }: StoreConfig): Promise<ObjectStore> {
  if (repository.startsWith('s3:')) return new RetryingStore(await openS3(repository, s3));
  if (/^file:/i.test(repository)) return new RetryingStore(new FolderStore(folderOf(repository)));
  if (repository === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(repository)) throw badPlace(repository);
  return new RetryingStore(new FolderStore(repository));
}

/** The exports of a repository in S3; undefined if it is in a folder. Sends nothing. @throws E_CONFIG */
export async function openS3Exports({ repository, s3 }: StoreConfig): Promise<S3Exports | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Exports } = await import('./s3-exports.ts');
  return new S3Exports({ ...placeInS3(repository), ...s3 });
}

/**
 * What the lifecycle rules of its bucket do to a repository; undefined if it is in a folder. @throws
 * E_CONFIG, E_ABORTED
 */
export async function openBucketRules(
  { repository, s3 }: StoreConfig,
  signal: AbortSignal,
): Promise<BucketRules | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { readBucketRules } = await import('./s3-rules.ts');
  return readBucketRules({ ...placeInS3(repository), ...s3 }, signal);
}

/**
 * The locks on a repository's objects; undefined if it is in a folder, which has none. Sends nothing. @throws
 * E_CONFIG
 */
export async function openObjectLocks({ repository, s3 }: StoreConfig): Promise<ObjectLocks | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Locks } = await import('./s3-locks.ts');
  return new S3Locks({ ...placeInS3(repository), ...s3 });
}

/**
 * The first question to the bucket of a repository; undefined if it is in a folder. Sends nothing yet.
 * @throws E_CONFIG
 */
export async function openContact({ repository, s3 }: StoreConfig): Promise<S3Contact | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Contact } = await import('./s3-contact.ts');
  return new S3Contact({ ...placeInS3(repository), ...s3 });
}

/** Where in S3 a repository is, and how to reach it. @throws E_CONFIG */
export function s3Connection({ repository, s3 }: StoreConfig): S3Connection {
  return { ...placeInS3(repository), ...s3 };
}

/** @throws E_CONFIG */
function placeInS3(repository: string): { readonly bucket: string; readonly prefix: string } {
  const [, bucket, rest = ''] = S3_URL.exec(repository) ?? [];
  const prefix = rest.replace(/\/+$/, '');
  if (!bucket || (prefix !== '' && !PREFIX.test(prefix))) throw badPlace(repository);
  return { bucket, prefix };
}

async function openS3(repository: string, s3: StoreConfig['s3']): Promise<ObjectStore> {
  const place = placeInS3(repository);
  // Loaded only when it is used: loading the SDK takes longer than a small backup.
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store({ ...place, ...s3 });
}

function folderOf(repository: string): string {
  try {
    if (repository.startsWith('file:///')) return fileURLToPath(repository);
  } catch {
    // The error below says it.
  }
  throw badPlace(repository);
}

function badPlace(repository: string): HoldfastError {
  return new HoldfastError('E_CONFIG', `'${repository}' is not a place for a repository`, {
    hint: 'Give a folder, file:///folder, or s3://bucket or s3://bucket/prefix (letters, digits, . _ - and /).',
  });
}
