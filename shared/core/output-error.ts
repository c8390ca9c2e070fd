import path from 'node:path';
import { HoldfastError } from './errors.ts';

/** The error of writing a file, in words for people; other errors are returned unchanged. */
export function asOutputError(error: unknown, file: string): unknown {
  if (error instanceof HoldfastError || !(error instanceof Error)) return error;
  const errno = (error as NodeJS.ErrnoException).code ?? '';
  switch (errno) {
    case 'EEXIST':
      return new HoldfastError('E_TARGET_NOT_EMPTY', `${file} already exists; it was left unchanged`, {
        cause: error,
        hint: 'Name another file, or remove this one first.',
      });
    case 'ENOENT':
    case 'ENOTDIR':
      return new HoldfastError('E_USAGE', `there is no folder ${path.dirname(file)}`, {
        cause: error,
        hint: 'Make it first, or name another place.',
      });
    case 'ENAMETOOLONG':
    case 'ELOOP':
    case 'EISDIR':
    case 'EINVAL':
    case 'ERR_INVALID_ARG_VALUE':
      return new HoldfastError('E_USAGE', `'${file.slice(0, 200)}' cannot be written (${errno})`, {
        cause: error,
        hint: 'Name another place; a name in a path has at most 255 bytes.',
      });
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new HoldfastError('E_TARGET_FULL', `there is no room left to write ${file}`, {
        cause: error,
        hint: 'Free or add space, or name another place, then run it again; no partial file is left.',
      });
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new HoldfastError('E_SOURCE_DENIED', `${file} cannot be written (${errno})`, {
        cause: error,
        hint: 'Check the permissions of the folder and who runs this.',
      });
    default:
      return error;
  }
}
