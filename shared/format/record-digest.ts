import { createHash, type Hash, hash } from 'node:crypto';

const BUCKETS = 256;
/** 32-bit words kept of each record's SHA-256, after the byte that chooses the bucket. */
const WORDS = 5;
const NEWLINE = 0x0a;

/**
 * A digest of a multiset of records that does not depend on their order: per bucket, the sums of words of
 * each record's SHA-256 (Bellare and Micciancio, "A New Paradigm for Collision-Free Hashing", 1997, AdHash).
 * It tells whether two sets of records that nobody forged are equal, and if they are not, in which of 256
 * buckets to look.
 */
export class RecordDigest {
  readonly sums = new Uint32Array(BUCKETS * WORDS);
  readonly counts = new Float64Array(BUCKETS);
  #partial: Hash | undefined;

  /** Adds bytes that may begin and end inside a record; a record's newline is not part of its hash. */
  update(bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let start = 0;
    for (let end = buffer.indexOf(NEWLINE); end >= 0; end = buffer.indexOf(NEWLINE, start)) {
      const record = buffer.subarray(start, end);
      this.#add(this.#partial ? this.#partial.update(record).digest('binary') : sha256(record));
      this.#partial = undefined;
      start = end + 1;
    }
    if (start < buffer.length) {
      this.#partial ??= createHash('sha256');
      this.#partial.update(buffer.subarray(start));
    }
  }

  merge(other: { readonly sums: Uint32Array; readonly counts: Float64Array }): void {
    for (let i = 0; i < this.sums.length; i++) this.sums[i] = (this.sums[i] ?? 0) + (other.sums[i] ?? 0);
    for (let i = 0; i < BUCKETS; i++) this.counts[i] = (this.counts[i] ?? 0) + (other.counts[i] ?? 0);
  }

  get records(): number {
    return this.counts.reduce((sum, n) => sum + n, 0);
  }

  /** Buckets in which the two differ; none if the sets are equal. */
  differingBuckets(other: RecordDigest): number[] {
    return Array.from({ length: BUCKETS }, (_, bucket) => bucket).filter((bucket) => {
      if (this.counts[bucket] !== other.counts[bucket]) return true;
      const at = bucket * WORDS;
      return this.sums.subarray(at, at + WORDS).some((sum, i) => sum !== other.sums[at + i]);
    });
  }

  /** @param digest 32 bytes, one a character: strings cost a third of what buffers so small cost */
  #add(digest: string): void {
    const bucket = digest.charCodeAt(0);
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    for (let word = 0; word < WORDS; word++) {
      const at = bucket * WORDS + word;
      this.sums[at] = (this.sums[at] ?? 0) + wordOf(digest, 1 + word * 4);
    }
  }
}

/** The bucket that a record (without its newline) falls into, and its hash. */
export function recordHash(record: Uint8Array): { readonly bucket: number; readonly hash: string } {
  const digest = sha256(record);
  return { bucket: digest.charCodeAt(0), hash: digest };
}

function sha256(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'binary');
}

function wordOf(digest: string, at: number): number {
  const byte = (i: number) => digest.charCodeAt(at + i);
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}
