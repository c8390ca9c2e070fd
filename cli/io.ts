import type { Readable, Writable } from 'node:stream';
import { HoldfastError } from '../shared/core/errors.ts';
import type { Threads } from '../shared/jobs/open-repository.ts';

/** What the command line needs from its environment; tests give their own. */
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

/**
 * Names in a database may be anything: characters that would control a terminal are replaced by a visible
 * one.
 */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  return text.replaceAll(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, '\ufffd');
}

/** A pipe that nobody reads any more (EPIPE) is returned unchanged: that is not a failure. */
function asWriteError(error: NodeJS.ErrnoException): Error {
  const { code } = error;
  if (code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG')
    return new HoldfastError('E_TARGET_FULL', `there is no space left to write the output (${code})`, {
      cause: error,
      hint: 'Free or add space at the destination; everything else the command did is done.',
    });
  if (code === 'EIO')
    return new HoldfastError('E_SOURCE_FAILED', `the output cannot be written (${code})`, {
      cause: error,
      hint: 'Check the disk that the output goes to.',
    });
  return error;
}

/** Text whose names are already printable: `Styled`. */
interface Shown {
  readonly text: string;
}

/**
 * Writes and waits until the text is taken, so that a slow reader of a pipe is not swamped. Text is for
 * people; bytes are data.
 */
export function write(stream: Writable, text: string | Shown | Uint8Array): Promise<void> {
  const given = typeof text === 'string' ? printable(text) : text instanceof Uint8Array ? text : text.text;
  return new Promise((resolve, reject) => {
    stream.write(given, (error) => (error ? reject(asWriteError(error)) : resolve()));
  });
}

/** Of text that is written at once: a call for each row would take longer than making it. */
const BLOCK_CHARACTERS = 64 * 1024;

/** Writes texts that are data, such as a line for each row, in blocks; what came before an error is written too. */
export async function writeTexts(stream: Writable, texts: AsyncIterable<string>): Promise<void> {
  let block = '';
  const writeBlock = async () => {
    const bytes = Buffer.from(block);
    block = '';
    if (bytes.length > 0) await write(stream, bytes);
  };
  try {
    for await (const text of texts) {
      block += text;
      if (block.length >= BLOCK_CHARACTERS) await writeBlock();
    }
  } finally {
    await writeBlock();
  }
}
