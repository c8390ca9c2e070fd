import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { throwIfAborted } from '../../../core/abort.ts';
import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { KiB } from '../../../core/units.ts';
import { originalDecipher } from './cipher.ts';
import { refused } from './error.ts';

const READ_BYTES = 256 * KiB;
/** The shortest file of the original, `{"metadata":{},"data":1}`, is longer when encrypted, and no number is. */
const LEAST_HEX_DIGITS = 44;
const GZIP = Buffer.from([0x1f, 0x8b]);
/** What JSON of the original begins with. */
const OBJECT_START = /^\s*\{\s*["}]/;

/** A file without its compression and encryption. */
export interface DecodedFile {
  /** The JSON, piece by piece. */
  readonly text: AsyncIterable<string>;
  /** Known before the text begins. */
  readonly isCompressed: boolean;
  readonly isEncrypted: boolean;
  /** Of the file as it lies there; known at the end of the text. */
  sha256(): string;
}

/**
 * Opens a file of JSON, whether plain, compressed by gzip, or encrypted as the original system did it:
 * AES-256-GCM, hex digits, gzip.
 *
 * @throws E_USAGE if it is not there, or encrypted and there is no passphrase; E_IMPORT_REFUSED, now or while
 * it is read
 */
export async function decodeFile(
  file: string,
  { passphrase, signal }: { readonly passphrase: string | undefined; readonly signal: AbortSignal },
): Promise<DecodedFile> {
  const hash = createHash('sha256');
  let bytes = await begin(fileBytes(file, hash, signal));
  const isCompressed = bytes.start.subarray(0, GZIP.length).equals(GZIP);
  if (isCompressed) bytes = await begin(unzipped(bytes.all));
  const isEncrypted = isHex(bytes.start);
  if (isEncrypted) bytes = await begin(decrypted(bytes, passphrase));
  refuseUtf16(bytes.start);
  return { text: textOf(bytes.all), isCompressed, isEncrypted, sha256: () => hash.digest('hex') };
}

interface Begun {
  readonly start: Buffer;
  /** With the start. */
  readonly all: AsyncGenerator<Buffer>;
}

/** Reads on until there is enough to see what it is. */
async function begin(source: AsyncGenerator<Buffer>): Promise<Begun> {
  const pieces: Buffer[] = [];
  let length = 0;
  while (length < 2 * LEAST_HEX_DIGITS) {
    const next = await source.next();
    if (next.done) break;
    pieces.push(next.value);
    length += next.value.length;
  }
  async function* all() {
    yield* pieces;
    yield* source;
  }
  return { start: Buffer.concat(pieces).subarray(0, 2 * LEAST_HEX_DIGITS), all: all() };
}

async function* fileBytes(file: string, hash: Hash, signal: AbortSignal): AsyncGenerator<Buffer> {
  try {
    if (!(await stat(file)).isFile()) throw noFile(file, 'is not a file');
    for await (const piece of createReadStream(file, { highWaterMark: READ_BYTES })) {
      throwIfAborted(signal);
      hash.update(piece as Buffer);
      yield piece as Buffer;
      buffersLetGo((piece as Buffer).length);
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw isHoldfastError(error) ? error : noFile(file, `cannot be read (${code ?? ''})`, error);
  }
}

async function* unzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip({ chunkSize: READ_BYTES });
  const from = Readable.from(source);
  from.on('error', (error) => gunzip.destroy(error));
  try {
    for await (const piece of from.pipe(gunzip)) {
      yield piece as Buffer;
      buffersLetGo((piece as Buffer).length);
    }
  } catch (error) {
    if (isHoldfastError(error)) throw error;
    const isCut = (error as NodeJS.ErrnoException).code === 'Z_BUF_ERROR';
    throw refused(
      isCut ? 'it is cut off: gzip does not end' : 'it is damaged: gzip cannot unpack it',
      undefined,
      error,
    );
  } finally {
    from.destroy();
  }
}

function isHex(start: Buffer): boolean {
  const digits = start.toString('latin1').trim();
  return digits.length >= LEAST_HEX_DIGITS && /^[0-9a-f]+$/i.test(digits);
}

async function* decrypted({ start, all }: Begun, passphrase: string | undefined): AsyncGenerator<Buffer> {
  if (passphrase === undefined)
    throw new HoldfastError('E_USAGE', 'the file is encrypted, and no passphrase is given', {
      hint: 'Set HOLDFAST_IMPORT_PASSPHRASE, or name a file that holds it with --passphrase-file.',
    });
  const decipher = fittingDecipher(start, passphrase);
  let left = '';
  for await (const piece of all) {
    const digits = left + piece.toString('latin1').trimEnd();
    const whole = digits.length - (digits.length % 2);
    left = digits.slice(whole);
    const bytes = Buffer.from(digits.slice(0, whole), 'hex');
    if (2 * bytes.length !== whole)
      throw refused('it is damaged: between hex digits there is something else');
    yield decipher(bytes);
    buffersLetGo(3 * piece.length);
  }
  if (left !== '') throw refused('it is cut off: its hex digits end in the middle of a byte');
}

/** The passphrase was given to Node as text, or as the bytes that 64 hex digits stand for. */
function fittingDecipher(start: Buffer, passphrase: string): (bytes: Buffer) => Buffer {
  const first = Buffer.from(start.toString('latin1').trim().slice(0, LEAST_HEX_DIGITS), 'hex');
  const isHexKey = /^[0-9a-f]{64}$/i.test(passphrase);
  const forms = [Buffer.from(passphrase), ...(isHexKey ? [Buffer.from(passphrase, 'hex')] : [])];
  for (const form of forms)
    if (OBJECT_START.test(originalDecipher(form)(first).toString('latin1'))) return originalDecipher(form);
  throw refused(
    'with this passphrase it decrypts to something that is not JSON',
    'Nothing was stored. Give the passphrase of the time when the file was made: the original kept it in BACKUP_ENCRYPTION_KEY. Where that was not set, it took a random one, and nobody can read the file.',
  );
}

/** PowerShell's `>` writes that, and may have changed every character that is not ASCII. */
function refuseUtf16(start: Buffer): void {
  const mark = start.subarray(0, 2).toString('hex');
  if (mark !== 'fffe' && mark !== 'feff') return;
  throw refused(
    'it is UTF-16, as PowerShell’s > writes it, where characters may have been changed',
    'Nothing was stored. Export again with: firebase database:get / --export --output FILE',
  );
}

async function* textOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (piece?: Buffer) => {
    try {
      return piece ? decoder.decode(piece, { stream: true }) : decoder.decode();
    } catch (cause) {
      throw refused('it is damaged, or no JSON: it holds bytes that are not UTF-8', undefined, cause);
    }
  };
  for await (const piece of bytes) yield decode(piece);
  yield decode();
}

function noFile(file: string, problem: string, cause?: unknown): HoldfastError {
  return new HoldfastError('E_USAGE', `${file} ${problem}`, {
    cause,
    hint: 'Give the file of an export, or a backup of the original system.',
  });
}
