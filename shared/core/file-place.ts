import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { HoldfastError } from './errors.ts';
import { asOutputError } from './output-error.ts';

/** Where in an existing file bytes go. */
export interface FilePlace {
  readonly path: string;
  /** The name to use in errors. */
  readonly name: string;
  readonly at: number;
}

/** Buffer for reading back; grows to the largest piece and is reused. */
let back: Buffer = Buffer.alloc(0);

/**
 * Writes pieces one after the other, and reads each back from the system to compare. Synchronous: runs on the
 * thread that made the pieces.
 *
 * @throws E_RESTORE_DIFFERS, E_TARGET_FULL, E_SOURCE_DENIED, and what making a piece throws
 */
export function writePieces({ path, name, at }: FilePlace, pieces: Iterable<Uint8Array>): void {
  let to = at;
  try {
    const fd = openSync(path, 'r+');
    try {
      for (const piece of pieces) {
        write(fd, piece, to);
        if (!holds(fd, piece, to)) throw differs(name);
        to += piece.length;
      }
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw asOutputError(error, name);
  }
}

function write(fd: number, bytes: Uint8Array, at: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

function holds(fd: number, bytes: Uint8Array, at: number): boolean {
  if (back.length < bytes.length) back = Buffer.allocUnsafeSlow(bytes.length);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(fd, back, done, bytes.length - done, at + done);
    if (read === 0) return false;
    done += read;
  }
  return back.subarray(0, bytes.length).equals(bytes);
}

function differs(file: string): HoldfastError {
  return new HoldfastError('E_RESTORE_DIFFERS', `${file} does not read back as it was written`, {
    hint: 'Check the disk and what else may write there, then restore again.',
  });
}
