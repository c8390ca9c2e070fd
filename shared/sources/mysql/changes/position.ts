import { HoldfastError } from '../../../core/errors.ts';

/**
 * A place between two events of a server's binary log: `binlog.000012:4711@1764489506`. The number behind the `@` is when
 * the server made the file, in seconds of the epoch: after RESET MASTER, or on another server, a file of the same name is
 * another one.
 */
export interface LogPosition {
  readonly file: string;
  /** In bytes; the first event of a file is at 4. */
  readonly offset: number;
  readonly made: number;
}

export const FIRST_OFFSET = 4;

const FORM = /^(.+):(\d{1,15})@(\d{1,10})$/s;

/** @throws E_USAGE */
export function parsePosition(text: string): LogPosition {
  const [, file, offset, made] = FORM.exec(text) ?? [];
  if (file === undefined)
    throw new HoldfastError(
      'E_USAGE',
      `${JSON.stringify(text)} is no place of a binary log, such as binlog.000012:4711@1764489506`,
    );
  return { file, offset: Number(offset), made: Number(made) };
}

export function positionText({ file, offset, made }: LogPosition): string {
  return `${file}:${offset}@${made}`;
}

/** Later files were made later; the number of a file counts for those of one second. */
export function comparePlaces(a: LogPosition, b: LogPosition): number {
  return a.made - b.made || numberOf(a.file) - numberOf(b.file) || a.offset - b.offset;
}

/** Negative if `a` comes first. @throws E_USAGE */
export function comparePositions(a: string, b: string): number {
  return comparePlaces(parsePosition(a), parsePosition(b));
}

function numberOf(file: string): number {
  return Number(/\d+$/.exec(file)?.[0] ?? 0);
}
