import { HoldfastError } from '../core/errors.ts';
import { matchLength, matchLengthBackward } from './match-length.ts';
import { ByteReader, ByteWriter } from './varint.ts';

/** Records to look at on either side of a difference before indexing the base's records. */
const NEAR_RECORDS = 12;
/** A match found by record must be at least this long, or reach the end. */
const SURE_BYTES = 24;
const NEWLINE = 0x0a;

/**
 * `next` as a difference from `base`: a header, then pairs of a copy from the base and inserted bytes.
 *
 * ```
 * varint  bytes of `next`
 * varint  number of pairs
 * pairs   signed: start of the copy, from where the last copy ended; varint: bytes copied; varint: bytes inserted
 * the inserted bytes, one after the other
 * ```
 * Any encoder may find other pairs; the result of decoding is what counts. This encoder compares from the
 * front, resumes at record ends, and shares the ends of a changed record.
 */
export function encodeDelta(base: Buffer, next: Buffer): Buffer {
  const pairs = new Pairs(base, next);
  let i = 0;
  let j = 0;
  /**
   * Where in `next` the comparison last resumed: it never goes back past that, so every round makes progress.
   */
  let resumedAt = -1;
  while (j < next.length) {
    const same = matchLength(base, i, next, j);
    i += same;
    j += same;
    if (j === next.length) break;
    // Back to where both records begin: their common part is found again from their ends.
    const sinceStart = bytesSinceRecordStart(next, j, same);
    const back = j - sinceStart > resumedAt ? sinceStart : 0;
    const met = resume(base, i - back, next, j - back, pairs);
    pairs.replace(i - back, j - back, met);
    i = met.i;
    j = met.j;
    resumedAt = j;
  }
  pairs.copyTo(j);
  return pairs.finish();
}

/** @throws E_DAMAGED if a copy runs past the base, or the parts do not add up to `outputBytes` */
export function applyDelta(base: Buffer, delta: Uint8Array, maxBytes: number): Buffer {
  const reader = new ByteReader(delta, 'delta');
  const outputBytes = reader.varint();
  if (outputBytes > maxBytes)
    throw reader.damaged(`it produces ${outputBytes} bytes, at most ${maxBytes} are allowed`);
  const count = reader.count(3);
  const pairs: number[] = [];
  let inserted = 0;
  for (let n = 0; n < count; n++) {
    const skip = reader.signed();
    const copied = reader.varint();
    const literal = reader.varint();
    pairs.push(skip, copied, literal);
    inserted += literal;
  }
  if (inserted !== reader.left) throw reader.damaged(`it inserts ${inserted} bytes, has ${reader.left}`);
  const output = Buffer.allocUnsafe(outputBytes);
  let at = 0;
  let from = 0;
  for (let n = 0; n < pairs.length; n += 3) {
    const [skip = 0, copied = 0, literal = 0] = pairs.slice(n, n + 3);
    from += skip;
    if (from < 0 || from + copied > base.length || at + copied + literal > outputBytes) {
      throw new HoldfastError(
        'E_DAMAGED',
        `delta: pair ${n / 3} copies ${copied} bytes at ${from} of ${base.length}`,
      );
    }
    base.copy(output, at, from, from + copied);
    at += copied;
    from += copied;
    reader.bytes(literal).copy(output, at);
    at += literal;
  }
  if (at !== outputBytes) throw reader.damaged(`it produces ${at} bytes instead of ${outputBytes}`);
  return output;
}

/** Collects the pairs. A copy is held back until its end is known. */
class Pairs {
  readonly #base: Buffer;
  readonly #next: Buffer;
  readonly #ops = new ByteWriter(256);
  readonly #literals = new ByteWriter(1024);
  #count = 0;
  /** Start of the open copy in base and next. */
  #i = 0;
  #j = 0;
  /** Where the last finished copy ended in the base. */
  #from = 0;
  /** The base's records by the hash of their beginning; built when a difference is not small. */
  index: Map<number, number> | undefined;

  constructor(base: Buffer, next: Buffer) {
    this.#base = base;
    this.#next = next;
  }

  /** The open copy ends at (i, j) at the latest; from there to `met`, base and next differ. */
  replace(i: number, j: number, met: { readonly i: number; readonly j: number }): void {
    const room = Math.min(met.i - i, met.j - j);
    const prefix = room > 0 ? Math.min(matchLength(this.#base, i, this.#next, j), room) : 0;
    const suffix =
      room > prefix ? matchLengthBackward(this.#base, met.i, this.#next, met.j, room - prefix) : 0;
    this.#emit(j + prefix - this.#j, j + prefix, met.j - suffix);
    this.#i = met.i - suffix;
    this.#j = met.j - suffix;
  }

  copyTo(j: number): void {
    if (j > this.#j) this.#emit(j - this.#j, j, j);
  }

  finish(): Buffer {
    const head = new ByteWriter(16);
    head.varint(this.#next.length);
    head.varint(this.#count);
    return Buffer.concat([head.finish(), this.#ops.finish(), this.#literals.finish()]);
  }

  #emit(copied: number, literalFrom: number, literalTo: number): void {
    if (copied === 0 && literalFrom === literalTo) return;
    this.#ops.signed(this.#i - this.#from);
    this.#ops.varint(copied);
    this.#ops.varint(literalTo - literalFrom);
    this.#literals.bytes(this.#next.subarray(literalFrom, literalTo));
    this.#from = this.#i + copied;
    this.#count++;
  }
}

/** Bytes between the last record end in the `same` bytes before `at`, and `at`. */
function bytesSinceRecordStart(bytes: Buffer, at: number, same: number): number {
  if (same === 0) return 0;
  const newline = bytes.lastIndexOf(NEWLINE, at - 1);
  return Math.min(same, at - 1 - newline);
}

interface Meeting {
  readonly i: number;
  readonly j: number;
}

/** The next place, at record starts past (i, j), from which base and next go on alike. */
function resume(base: Buffer, i: number, next: Buffer, j: number, pairs: Pairs): Meeting {
  return resumeNear(base, i, next, j) ?? resumeFar(base, i, next, j, pairs);
}

function resumeNear(base: Buffer, i: number, next: Buffer, j: number): Meeting | undefined {
  const inBase = recordStarts(base, i);
  const inNext = recordStarts(next, j);
  const most = inBase.length + inNext.length - 2;
  for (let sum = 1; sum <= most; sum++) {
    // The middle first: a changed record is the most common difference.
    for (let d = sum % 2; d <= sum; d += 2) {
      for (const a of d === 0 ? [sum / 2] : [(sum + d) / 2, (sum - d) / 2]) {
        const bi = inBase[a];
        const nj = inNext[sum - a];
        if (bi !== undefined && nj !== undefined && goesOn(base, bi, next, nj)) return { i: bi, j: nj };
      }
    }
  }
  return undefined;
}

/** With an index of the base's records, record by record of `next`; returns both ends if nothing is found. */
function resumeFar(base: Buffer, i: number, next: Buffer, j: number, pairs: Pairs): Meeting {
  pairs.index ??= indexRecords(base);
  for (let at = j; at < next.length; at = afterRecord(next, at)) {
    const found = pairs.index.get(recordHash(next, at));
    if (found !== undefined && (at > j || found !== i) && goesOn(base, found, next, at))
      return { i: found, j: at };
  }
  return { i: base.length, j: next.length };
}

function goesOn(base: Buffer, i: number, next: Buffer, j: number): boolean {
  if (base[i] !== next[j] || i >= base.length || j >= next.length) {
    return i === base.length && j === next.length;
  }
  const same = matchLength(base, i, next, j);
  return same >= SURE_BYTES
    ? j + same >= afterRecord(next, j) || same >= 4 * SURE_BYTES
    : j + same === next.length;
}

function recordStarts(bytes: Buffer, from: number): number[] {
  const starts = [from];
  for (let at = from; at < bytes.length && starts.length <= NEAR_RECORDS; starts.push(at))
    at = afterRecord(bytes, at);
  return starts;
}

function afterRecord(bytes: Buffer, at: number): number {
  const newline = bytes.indexOf(NEWLINE, at);
  return newline < 0 ? bytes.length : newline + 1;
}

function indexRecords(base: Buffer): Map<number, number> {
  const index = new Map<number, number>();
  for (let at = 0; at < base.length; at = afterRecord(base, at)) {
    const hash = recordHash(base, at);
    if (!index.has(hash)) index.set(hash, at);
  }
  return index;
}

function recordHash(bytes: Buffer, at: number): number {
  let h = 0x811c9dc5;
  const end = Math.min(at + SURE_BYTES, bytes.length);
  for (let k = at; k < end; k++) h = Math.imul(h ^ (bytes[k] as number), 0x01000193);
  return h;
}
