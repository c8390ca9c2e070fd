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

/** The store that a repository's place names, with retries. Sends nothing. @throws E_CONFIG */
export async function openStore({ repository, s3 }: StoreConfig): Promise<ObjectStore> {
  if (repository.startsWith('s3:')) return new RetryingStore(await openS3(repository, s3));
  if (/^file:/i.test(repository)) return new RetryingStore(new FolderStore(folderOf(repository)));
  if (repository === '' || /^[a-z][a-z0-9+.-]+:\/\//i.test(repository)) throw badPlace(repository);
  return new RetryingStore(new FolderStore(repository));
}

/** Where exports of a repository in S3 lie; undefined where it is in a folder. Sends nothing. @throws E_CONFIG */
export async function openS3Exports({ repository, s3 }: StoreConfig): Promise<S3Exports | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Exports } = await import('./s3-exports.ts');
  return new S3Exports({ ...placeInS3(repository), ...s3 });
}

/** What rules of its bucket do to a repository; undefined where it is in a folder. @throws E_CONFIG, E_ABORTED */
export async function openBucketRules(
  { repository, s3 }: StoreConfig,
  signal: AbortSignal,
): Promise<BucketRules | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { readBucketRules } = await import('./s3-rules.ts');
  return readBucketRules({ ...placeInS3(repository), ...s3 }, signal);
}

/** The locks on a repository's objects; undefined where it is in a folder, which has none. Sends nothing. @throws E_CONFIG */
export async function openObjectLocks({ repository, s3 }: StoreConfig): Promise<ObjectLocks | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Locks } = await import('./s3-locks.ts');
  return new S3Locks({ ...placeInS3(repository), ...s3 });
}

/** The first question to the bucket of a repository; undefined where it is in a folder. Sends nothing yet. @throws E_CONFIG */
export async function openContact({ repository, s3 }: StoreConfig): Promise<S3Contact | undefined> {
  if (!repository.startsWith('s3:')) return undefined;
  const { S3Contact } = await import('./s3-contact.ts');
  return new S3Contact({ ...placeInS3(repository), ...s3 });
}

/** Where a repository is in S3, and how that is reached. @throws E_CONFIG */
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
  // Loaded only where it is used: the SDK takes longer to load than a small backup takes.
  const { S3Store } = await import('./s3-store.ts');
  return new S3Store({ ...place, ...s3 });
}

function folderOf(repository: string): string {
  try {
    if (repository.startsWith('file:///')) return fileURLToPath(repository);
  } catch {
    // Said below.
  }
  throw badPlace(repository);
}

function badPlace(repository: string): HoldfastError {
  return new HoldfastError('E_CONFIG', `'${repository}' is not a place for a repository`, {
    hint: 'Give a folder, file:///folder, or s3://bucket or s3://bucket/prefix (letters, digits, . _ - and /).',
  });
}
