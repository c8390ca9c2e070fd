import { randomFor } from '../../core/bound-random.ts';
import { parseRunKeyId } from '../../core/ids.ts';
import { MiB } from '../../core/units.ts';
import type { ChangePack } from '../../format/change-head.ts';
import { encodeFull } from '../../format/codec.ts';
import { PackBuilder } from '../../format/pack.ts';
import { newPackSeal, PACK_HEADER_BYTES } from '../../format/seal.ts';
import type { MadeKey } from '../keys/key-ring.ts';

/** Plain bytes of one item. */
export const MOST_ITEM_BYTES = MiB;
const SALT_BYTES = 32;
/** Room that a pack has for its directory, whatever is in it. */
const MOST_DIRECTORY_BYTES = 64 * 1024;

/** A pack that is full, or the last. */
interface Sealed extends ChangePack {
  /** Not changed any more; let go of when the next one is asked for. */
  readonly body: Buffer;
}

/** What becomes of a stream of changes. */
export interface SealedPayload {
  readonly packs: readonly ChangePack[];
  /** The only pack, if it is small: it goes into the segment's own object. Else empty. */
  readonly inline: Buffer;
  readonly plainBytes: number;
}

/** How a stream of changes becomes packs. */
export interface PayloadOptions {
  /** The `data` key. */
  readonly key: MadeKey;
  readonly level: number;
  readonly packBytes: number;
  /** A single pack up to this size is not stored by itself. */
  readonly mostInlineBytes: number;
  /** Stores a pack. */
  readonly put: (pack: Sealed) => Promise<void>;
}

/**
 * Seals a stream of changes into packs, and stores each when it is full: in memory there are one pack and one item, however long
 * the stream is.
 *
 * @throws what the stream and `put` throw
 */
export async function sealPayload(
  bytes: AsyncIterable<Uint8Array>,
  { key, level, packBytes, mostInlineBytes, put }: PayloadOptions,
): Promise<SealedPayload> {
  const packs: ChangePack[] = [];
  let plainBytes = 0;
  let builder = newBuilder(key, packBytes);
  let last: Sealed | undefined;
  for await (const plain of itemsOf(bytes)) {
    plainBytes += plain.length;
    const item = encodeFull(plain, level);
    if (!builder.fits(item.length)) {
      await put(noted(packs, close(builder, false)));
      builder = newBuilder(key, packBytes);
    }
    builder.add(item);
  }
  if (!builder.isEmpty) last = noted(packs, close(builder, true));
  const isInline = packs.length === 1 && last !== undefined && last.bytes <= mostInlineBytes;
  if (last && !isInline) await put(last);
  return { packs, inline: isInline && last ? last.body : Buffer.alloc(0), plainBytes };
}

function newBuilder({ entry, plain }: MadeKey, packBytes: number): PackBuilder {
  const salt = randomFor(SALT_BYTES, entry.wrapped);
  const seal = newPackSeal('data', parseRunKeyId(entry.run), plain, salt, 2);
  const capacity = Math.max(packBytes, 2 * MOST_ITEM_BYTES + MOST_DIRECTORY_BYTES);
  return new PackBuilder(seal, Buffer.alloc(PACK_HEADER_BYTES), capacity);
}

function close(builder: PackBuilder, isLast: boolean): Sealed {
  const { id, bytes } = builder.close(isLast);
  return { id, bytes: bytes.length, body: bytes };
}

function noted(packs: ChangePack[], pack: Sealed): Sealed {
  packs.push({ id: pack.id, bytes: pack.bytes });
  return pack;
}

/** The stream cut into pieces of `MOST_ITEM_BYTES`; the last one is shorter. */
async function* itemsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const piece = Buffer.allocUnsafe(MOST_ITEM_BYTES);
  let filled = 0;
  for await (const block of bytes) {
    for (let at = 0; at < block.length; ) {
      const part = block.subarray(at, at + MOST_ITEM_BYTES - filled);
      piece.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < MOST_ITEM_BYTES) continue;
      yield piece;
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
