import { randomInt } from 'node:crypto';

/**
 * The smallest Padmé size of at least `size` (Nikitin et al., "Reducing Metadata Leakage from Encrypted
 * Files", PETS 2019): at most 12 % larger, and there are few such sizes.
 */
export function padme(size: number): number {
  const step = padmeStep(size);
  return step <= 1 ? size : Math.ceil(size / step) * step;
}

/** Distance from a size of about `size` to the next Padmé size. */
function padmeStep(size: number): number {
  if (size < 2) return 0;
  const exponent = Math.floor(Math.log2(size));
  return 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
}

/** Steps between small sizes: a guess that compresses better saves some ten bytes, which must be little beside them. */
const LEAST_STEP_BYTES = 4096;

/**
 * A Padmé size, but in steps of at least 4 KiB, of at least `size` plus a random part of a step. Without that
 * part, an attacker who can add bytes of their own could find where one byte more reaches the next size, and
 * learn there whether a guess compresses better. With it, that is a matter of chance.
 */
export function blurredPadme(size: number): number {
  const blurred = size + randomInt(blurredStep(size));
  const step = blurredStep(blurred);
  return Math.ceil(blurred / step) * step;
}

function blurredStep(size: number): number {
  return Math.max(LEAST_STEP_BYTES, padmeStep(size));
}

const SKIPPABLE_HEADER_BYTES = 8;
const SKIPPABLE_MAGIC = 0x184d2a50;

/** A zstd frame, and a skippable frame after it (RFC 8878, 3.1.2) that hides its length. */
export function padFrame(frame: Uint8Array): Buffer {
  const least = frame.length + SKIPPABLE_HEADER_BYTES;
  const padded = Buffer.alloc(blurredPadme(least));
  padded.set(frame);
  padded.writeUInt32LE(SKIPPABLE_MAGIC, frame.length);
  padded.writeUInt32LE(padded.length - least, frame.length + 4);
  return padded;
}
