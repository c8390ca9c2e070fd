import { HoldfastError, isHoldfastError } from '../../../shared/core/errors.ts';

/** What the file system says, in the codes that the engine goes by. */
export function sourceError(cause: unknown, file: string): unknown {
  if (isHoldfastError(cause)) return cause;
  const { code = '' } = cause as NodeJS.ErrnoException;
  const known = {
    ENOENT: 'E_SOURCE_UNREACHABLE',
    EACCES: 'E_SOURCE_DENIED',
    EBADF: 'E_SOURCE_LOST',
  } as const;
  const name = Object.hasOwn(known, code) ? known[code as keyof typeof known] : 'E_SOURCE_FAILED';
  return new HoldfastError(name, `the notes in ${file} cannot be read (${code})`, {
    cause,
    hint: 'Check the path, and that you may read it.',
  });
}

/** @param problem such as `line 3 is no note` */
export function badNotes(file: string, problem: string): HoldfastError {
  return new HoldfastError('E_SOURCE_UNSUPPORTED', `${file} does not hold notes: ${problem}`, {
    hint: 'A heading is a JSON text; a note is [key, value] or {"value": text}, one a line.',
  });
}
