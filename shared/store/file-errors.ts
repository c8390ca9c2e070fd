import { HoldfastError } from '../core/errors.ts';

/** The code of an error of the operating system. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** The error if a newly written file at `location` could not be given its name. */
export function fromLinkError(error: unknown, location: string): unknown {
  if (!NO_LINKS.has(errnoOf(error) ?? '')) return error;
  return new HoldfastError('E_CONFIG', `${location} is on a file system that has no hard links`, {
    cause: error,
    hint: 'Choose a folder on another file system (not FAT or exFAT): without hard links an object could be overwritten.',
  });
}

const MOST_SHOWN = 200;

function shortened(place: string): string {
  return place.length <= MOST_SHOWN ? place : `${place.slice(0, MOST_SHOWN)}…`;
}

/** A file system's error, as an error of the store at `location`; other errors are returned unchanged. */
export function fromFileError(error: unknown, location: string): unknown {
  switch (errnoOf(error)) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new HoldfastError('E_STORE_FULL', `${location} has no room left`, {
        cause: error,
        hint: 'Free or add space, then run it again; this run listed no backup.',
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
    case 'ENODEV':
    case 'ENOTCONN':
    case 'EHOSTDOWN':
    case 'EMFILE':
    case 'ENFILE':
    case 'ENOMEM':
      return new HoldfastError(
        'E_STORE_UNAVAILABLE',
        `${location} does not respond as expected (${errnoOf(error)})`,
        {
          cause: error,
          hint: 'Check the disk or the network share, and the limit on open files.',
        },
      );
    case 'ENOENT':
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'ERR_INVALID_ARG_VALUE':
      return new HoldfastError(
        'E_CONFIG',
        `${shortened(location)} cannot be a folder for a repository (${errnoOf(error)})`,
        { cause: error, hint: 'Choose a folder on a disk; a name in its path has at most 255 bytes.' },
      );
    // mkdir's error when a file is in its way.
    case 'EEXIST':
    case 'ENOTDIR':
      return new HoldfastError('E_CONFIG', `${location} is not a folder`, { cause: error });
    default:
      return error;
  }
}

/** Errors that never concern one object: the file system is gone, or this process may open no more files. */
const OF_THE_STORE = new Set('ESTALE ETIMEDOUT ENODEV ENOTCONN EHOSTDOWN EMFILE ENFILE ENOMEM'.split(' '));

/** Whether a failed read may concern that object alone. */
export function mayConcernOneFile(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno !== undefined && /^E[A-Z0-9]+$/.test(errno) && !OF_THE_STORE.has(errno);
}

const WHY_UNREADABLE: Readonly<Record<string, readonly [why: string, hint: string]>> = {
  EIO: ['the disk gives an error (EIO)', 'Check the disk, and restore the object from a copy.'],
  ELOOP: ['it is a symbolic link that points to itself (ELOOP)', 'Replace the link with the object.'],
  ENOENT: [
    'it is a symbolic link that points nowhere',
    'Restore what the link points to, or mount its disk.',
  ],
  EACCES: ['access is refused (EACCES)', 'Check its owner and permissions, and who runs this.'],
  EPERM: ['access is refused (EPERM)', 'Check its owner and permissions, and who runs this.'],
  ENXIO: ['it is not a file', 'Restore the object from a copy.'],
};

/**
 * The error for an object that exists and cannot be read. @param errno ENXIO: it is a socket, a pipe or a
 * device
 */
export function unreadable(key: string, errno: string, cause?: unknown): HoldfastError {
  const [why, hint] = WHY_UNREADABLE[errno] ?? [
    `the file system reports an error (${errno})`,
    'Check the file system, and restore the object from a copy.',
  ];
  return new HoldfastError('E_OBJECT_UNREADABLE', `${key} cannot be read: ${why}`, { cause, hint });
}
