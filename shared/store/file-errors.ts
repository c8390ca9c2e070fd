import { HoldfastError } from '../core/errors.ts';

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** What it means that a file just written at `location` could not be given its name. */
export function fromLinkError(error: unknown, location: string): unknown {
  if (!NO_LINKS.has(errnoOf(error) ?? '')) return error;
  return new HoldfastError('E_CONFIG', `${location} is on a file system that has no hard links`, {
    cause: error,
    hint: 'Choose a folder on another one (not FAT or exFAT): without them an object could be overwritten.',
  });
}

/** What an error of the file system means to a store at `location`; others are passed on as they are. */
export function fromFileError(error: unknown, location: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new HoldfastError('E_STORE_FULL', `${location} has no room left`, {
        cause: error,
        hint: 'Free or add room, then run it again; nothing of this run was listed.',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new HoldfastError('E_STORE_DENIED', `${location} refuses access (${errnoOf(error)})`, {
        cause: error,
        hint: 'Check the permissions of the folder and who runs this.',
      });
    case 'EIO':
    case 'ESTALE':
    case 'ETIMEDOUT':
      return new HoldfastError(
        'E_STORE_UNAVAILABLE',
        `${location} does not answer as it should (${errnoOf(error)})`,
        {
          cause: error,
          hint: 'Check the disk or the network share.',
        },
      );
    // What mkdir says when a file is in its way.
    case 'EEXIST':
    case 'ENOTDIR':
      return new HoldfastError('E_CONFIG', `${location} is not a folder`, { cause: error });
    default:
      return error;
  }
}
