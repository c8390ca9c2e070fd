import type { Readable, Writable } from 'node:stream';
import { HoldfastError } from '../shared/core/errors.ts';
import type { Threads } from '../shared/jobs/open-repository.ts';

/** What the command line has of the world around it; tests give their own. */
export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly stderr: Writable & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
  /** Worker threads that outlive the command. @default it starts its own */
  readonly threads?: Threads;
}

/** Names in a database are anybody's: what would steer a terminal is shown as what it is, a character that has no place. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** A pipe that nobody reads any more (EPIPE) is told as it is: that is no failure. */
function asWriteError(error: NodeJS.ErrnoException): Error {
  const { code } = error;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new HoldfastError('E_TARGET_FULL', `there is no room left to write the output (${code})`, {
      cause: error,
      hint: 'Free or add room where it is redirected to; what the command did besides is done.',
    });
  if (code === 'EIO')
    return new HoldfastError('E_SOURCE_FAILED', `the output cannot be written (${code})`, {
      cause: error,
      hint: 'Check the disk that it is redirected to.',
    });
  return error;
}

/** Text whose names are printable already: `Styled`. */
interface Shown {
  readonly text: string;
}

/** Writes and waits until it is taken, so that a slow reader of a pipe is not swamped. Text is for people; bytes are data. */
export function write(stream: Writable, text: string | Shown | Uint8Array): Promise<void> {
  const given = typeof text === 'string' ? printable(text) : text instanceof Uint8Array ? text : text.text;
  return new Promise((resolve, reject) => {
    stream.write(given, (error) => (error ? reject(asWriteError(error)) : resolve()));
  });
}
