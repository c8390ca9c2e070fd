import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { type FileHandle, mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { HoldfastError } from '../../../core/errors.ts';
import { KiB, MiB } from '../../../core/units.ts';
import { comparePaths } from '../text/key-order.ts';
import { type ImportedRecord, twice } from './records.ts';

/** Records that are put in order in memory. */
const BATCH_BYTES = 2 * MiB;
const MOST_BATCH_RECORDS = 10_000;
/** Together, of the segments that are read at once. */
const READ_BYTES = 8 * MiB;
const LEAST_READ_BYTES = 8 * KiB;
const MOST_READ_BYTES = 256 * KiB;
/** Length, checksum, number of objects, length of the path. */
const HEAD_BYTES = 16;
const AES_BLOCK_BYTES = 16;

/** Records that are in order. */
interface Segment {
  readonly start: number;
  end: number;
  /** Path of its last record. */
  last: readonly string[];
}

/**
 * Records in a file without a name, in the order of Firebase's keys when they are read, whatever order they came in. The
 * file is encrypted with a key that is nowhere else than in this process, and the memory does not grow with it.
 */
export class RecordSpool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #key = randomBytes(32);
  #batch: ImportedRecord[] = [];
  #batchBytes = 0;
  #end = 0;
  /** Of all records. */
  readonly #all: Segment[] = [];
  /** Of the records of each top-level node. */
  readonly #tops = new Map<string, Segment[]>();
  readonly #mostTops: number;
  #isInOrder = true;
  #previous: ImportedRecord | undefined;

  private constructor(file: FileHandle, mostTops: number) {
    this.#file = file;
    this.#mostTops = mostTops;
  }

  /** @param mostTops with more top-level nodes than that, they are not read one by one */
  static async open(mostTops: number): Promise<RecordSpool> {
    const folder = await mkdtemp(path.join(tmpdir(), 'holdfast-import-')).catch(asSpoolError);
    try {
      return new RecordSpool(await open(path.join(folder, 'records'), 'wx+', 0o600), mostTops);
    } catch (error) {
      throw asSpoolError(error);
    } finally {
      // The open file stays until it is closed, also by the end of this process.
      await rm(folder, { recursive: true, force: true });
    }
  }

  /** Whether the next records should wait for `flush`. */
  get isFull(): boolean {
    return this.#batchBytes >= BATCH_BYTES || this.#batch.length >= MOST_BATCH_RECORDS;
  }

  /** @throws E_IMPORT_REFUSED if the key before is there again */
  add(record: ImportedRecord): void {
    if (this.#previous && !this.#isAfter(record, this.#previous)) this.#isInOrder = false;
    this.#previous = record;
    this.#batch.push(record);
    this.#batchBytes += record.value.length;
  }

  /** Writes what was added. @throws E_TARGET_FULL */
  async flush(): Promise<void> {
    if (this.#batch.length === 0) return;
    const batch = this.#batch.sort((a, b) => comparePaths(a.path, b.path));
    const pieces: Buffer[] = [];
    for (const record of batch) {
      const bytes = encodeRecord(record);
      this.#note(record.path, bytes.length);
      pieces.push(bytes);
    }
    const plain = Buffer.concat(pieces);
    const start = this.#end - plain.length;
    await writeAll(this.#file, this.#crypt(createCipheriv, plain, start), start);
    buffersLetGo(3 * plain.length);
    this.#batch = [];
    this.#batchBytes = 0;
  }

  /** Writes what is left, and looks for keys that are there twice. @throws E_IMPORT_REFUSED, E_TARGET_FULL */
  async finish(signal: AbortSignal): Promise<void> {
    await this.flush();
    this.#previous = undefined;
    if (this.#isInOrder) return;
    let before: ImportedRecord | undefined;
    for await (const record of this.#merged(this.#all, signal)) {
      if (before) this.#isAfter(record, before);
      before = record;
    }
  }

  /** @param top the key of a top-level node; undefined: all */
  read(top: string | undefined, signal: AbortSignal): AsyncIterable<ImportedRecord> {
    return this.#merged(top === undefined ? this.#all : (this.#tops.get(top) ?? []), signal);
  }

  bytesOf(top: string | undefined): number {
    const segments = top === undefined ? this.#all : (this.#tops.get(top) ?? []);
    return segments.reduce((sum, { start, end }) => sum + end - start, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  /** @throws E_IMPORT_REFUSED if both are of one node, which was in the file twice */
  #isAfter(record: ImportedRecord, before: ImportedRecord): boolean {
    const [a, b] = [before.path, record.path];
    let same = 0;
    while (same < a.length && same < b.length && a[same] === b[same]) same++;
    const isOneOfThemWhole = same === a.length || same === b.length;
    for (let level = 1; level <= same; level++)
      if ((isOneOfThemWhole && level === same) || before.objects[level] !== record.objects[level])
        throw twice(a.slice(0, level));
    return comparePaths(a, b) < 0;
  }

  /** Where a record is about to be written. */
  #note(at: readonly string[], bytes: number): void {
    const start = this.#end;
    this.#end += bytes;
    extend(this.#all, at, { start, end: this.#end });
    if (this.#tops.size > this.#mostTops) return;
    const top = at[0] ?? '';
    const segments = this.#tops.get(top) ?? [];
    this.#tops.set(top, segments);
    extend(segments, at, { start, end: this.#end });
  }

  /** What several segments hold, in order. */
  async *#merged(segments: readonly Segment[], signal: AbortSignal): AsyncGenerator<ImportedRecord> {
    const each = Math.floor(READ_BYTES / Math.max(1, segments.length));
    const atOnce = Math.min(Math.max(each, LEAST_READ_BYTES), MOST_READ_BYTES);
    const heads: { record: ImportedRecord; readonly rest: AsyncGenerator<ImportedRecord> }[] = [];
    for (const segment of segments) {
      const rest = this.#segment(segment, atOnce, signal);
      const first = await rest.next();
      if (!first.done) heads.push({ record: first.value, rest });
    }
    heads.sort((a, b) => comparePaths(a.record.path, b.record.path));
    for (let head = heads[0]; head; head = heads[0]) {
      yield head.record;
      const next = await head.rest.next();
      if (next.done) heads.shift();
      else {
        head.record = next.value;
        settle(heads);
      }
    }
  }

  async *#segment({ start, end }: Segment, atOnce: number, signal: AbortSignal) {
    let held: Buffer = Buffer.alloc(0);
    for (let at = start; at < end || held.length > 0; ) {
      const wanted = held.length < 4 ? HEAD_BYTES : held.readUInt32LE(0);
      if (held.length >= wanted && held.length >= HEAD_BYTES) {
        yield decodeRecord(held.subarray(0, wanted));
        held = held.subarray(wanted);
        continue;
      }
      signal.throwIfAborted();
      const bytes = Math.min(Math.max(atOnce, wanted), end - at);
      if (bytes <= 0) throw damaged();
      const stored = Buffer.allocUnsafeSlow(bytes);
      const { bytesRead } = await this.#file.read(stored, 0, bytes, at);
      if (bytesRead === 0) throw damaged();
      const plain = this.#crypt(createDecipheriv, stored.subarray(0, bytesRead), at);
      held = held.length === 0 ? plain : Buffer.concat([held, plain]);
      at += bytesRead;
      buffersLetGo(3 * bytesRead);
    }
  }

  /** AES in counter mode, from any place of the file on. */
  #crypt(create: typeof createCipheriv | typeof createDecipheriv, bytes: Buffer, at: number): Buffer {
    const counter = Buffer.alloc(AES_BLOCK_BYTES);
    counter.writeBigUInt64BE(BigInt(Math.floor(at / AES_BLOCK_BYTES)), 8);
    const cipher = create('aes-256-ctr', this.#key, counter);
    cipher.update(Buffer.alloc(at % AES_BLOCK_BYTES));
    return cipher.update(bytes);
  }
}

/** Adds a run of bytes to the last segment if it follows that, in the file and in order. */
function extend(
  segments: Segment[],
  at: readonly string[],
  { start, end }: Pick<Segment, 'start' | 'end'>,
): void {
  const last = segments.at(-1);
  if (last?.end === start && comparePaths(last.last, at) <= 0) {
    last.end = end;
    last.last = at;
  } else segments.push({ start, end, last: at });
}

/** Moves the first to its place among the others, which are in order. */
function settle(heads: { record: ImportedRecord }[]): void {
  const [first] = heads;
  if (!first) return;
  let low = 1;
  let high = heads.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const isBefore = comparePaths(heads[middle]?.record.path ?? [], first.record.path) <= 0;
    if (isBefore) low = middle + 1;
    else high = middle;
  }
  heads.splice(low, 0, first);
  heads.shift();
}

function encodeRecord({ path: keys, objects, value }: ImportedRecord): Buffer {
  const name = Buffer.from(keys.join('/'));
  const body = Buffer.from(value);
  const ids = Buffer.alloc(4 * objects.length);
  for (const [i, object] of objects.entries()) ids.writeUInt32LE(object, 4 * i);
  const bytes = Buffer.concat([Buffer.alloc(HEAD_BYTES), ids, name, body]);
  bytes.writeUInt32LE(bytes.length, 0);
  bytes.writeUInt32LE(objects.length, 8);
  bytes.writeUInt32LE(name.length, 12);
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4);
  return bytes;
}

function decodeRecord(bytes: Buffer): ImportedRecord {
  if (crc32(bytes.subarray(8)) !== bytes.readUInt32LE(4)) throw damaged();
  const count = bytes.readUInt32LE(8);
  const nameAt = HEAD_BYTES + 4 * count;
  const valueAt = nameAt + bytes.readUInt32LE(12);
  const name = bytes.toString('utf8', nameAt, valueAt);
  return {
    path: name === '' ? [] : name.split('/'),
    objects: Array.from({ length: count }, (_, i) => bytes.readUInt32LE(HEAD_BYTES + 4 * i)),
    value: bytes.toString('utf8', valueAt),
  };
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length; )
      done += (await file.write(bytes, done, bytes.length - done, at + done)).bytesWritten;
  } catch (error) {
    throw asSpoolError(error);
  }
}

function damaged(): HoldfastError {
  return new HoldfastError('E_SOURCE_FAILED', 'temporary data does not read back as it was written', {
    hint: `Check the disk of ${tmpdir()}, or name another folder in TMPDIR.`,
  });
}

function asSpoolError(cause: unknown): never {
  const { code = '' } = cause as NodeJS.ErrnoException;
  throw new HoldfastError('E_TARGET_FULL', `records cannot be written to ${tmpdir()} for a while (${code})`, {
    cause,
    hint: 'An import needs as much room there as the data takes unpacked. Name another folder in TMPDIR.',
  });
}
