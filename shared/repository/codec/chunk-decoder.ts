import { hash } from 'node:crypto';
import { releaseMemory } from '../../core/buffer-memory.ts';
import { HoldfastError, named } from '../../core/errors.ts';
import { type Meter, NO_METER } from '../../core/work-meter.ts';
import { decodeChain, pickFromItem } from '../../format/codec.ts';
import { holdsColumns, partDigest } from '../../format/columns/column-map.ts';
import { pickFields } from '../../format/pick-fields.ts';
import { decryptPart, openItem } from '../../format/seal.ts';
import type { ChunkToDecode, ItemBatch, ItemSlice, StoredColumns } from './codec-task.ts';

const NEWLINE = 0x0a;

/**
 * The plain bytes of chunks, one after the other, each checked against its id, size and record count.
 *
 * @throws E_DAMAGED
 */
export function decodeChunks(
  batch: ItemBatch,
  chunks: readonly ChunkToDecode[],
  maxChunkBytes: number,
  meter: Meter = NO_METER,
): Buffer {
  const total = chunks.reduce((sum, chunk) => sum + chunk.plainBytes, 0);
  let output: Buffer | undefined;
  let at = 0;
  for (const plain of decodedChunks(batch, chunks, maxChunkBytes, meter)) {
    output ??= Buffer.from(new ArrayBuffer(total));
    plain.copy(output, at);
    at += plain.length;
  }
  return output ?? Buffer.from(new ArrayBuffer(0));
}

/**
 * As `decodeChunks`, one chunk at a time; each one's memory is freed when the next is asked for. @throws
 * E_DAMAGED
 */
export function* decodedChunks(
  batch: ItemBatch,
  chunks: readonly ChunkToDecode[],
  maxChunkBytes: number,
  meter: Meter = NO_METER,
): Generator<Buffer> {
  for (const chunk of chunks) refuseOversize(chunk, batch, maxChunkBytes);
  for (const chunk of chunks) {
    const items = openChain(chunk.chain, batch, meter);
    const plain = decodeItems(items, chunk, { batch, maxChunkBytes, meter });
    yield plain;
    releaseMemory(plain);
  }
}

/**
 * Some fields of the rows of each chunk, tabs between them. Of a chunk that is stored as columns no others are decompressed: it is
 * what was sealed, and has as many rows as its tree says, but cannot be compared with its id.
 *
 * @param chunks of whole records
 * @param places of the fields, ascending, at least one
 * @throws E_DAMAGED
 */
export function* pickedChunks(
  batch: ItemBatch,
  chunks: readonly ChunkToDecode[],
  places: readonly number[],
  { maxChunkBytes, meter = NO_METER }: { readonly maxChunkBytes: number; readonly meter?: Meter },
): Generator<Buffer> {
  for (const chunk of chunks) refuseOversize(chunk, batch, maxChunkBytes);
  for (const chunk of chunks) {
    const { columns } = chunk;
    const items = columns ? [openParts(columns, places, meter)] : openChain(chunk.chain, batch, meter);
    const [only] = items;
    const picked =
      only &&
      items.length === 1 &&
      meter.run('decompress', chunk.plainBytes, () =>
        named(itemName(chunk.chain[0], batch), () => pickFromItem(only, maxChunkBytes, places)),
      );
    if (picked) {
      if (countRecords(picked) !== chunk.records) throw otherChunk(chunk, batch);
      yield picked;
      continue;
    }
    if (columns) throw changedColumns(columns);
    const plain = decodeItems(items, chunk, { batch, maxChunkBytes, meter });
    yield pickFields(plain, places);
    releaseMemory(plain);
  }
}

function decodeItems(
  items: readonly Buffer[],
  chunk: ChunkToDecode,
  by: { readonly batch: ItemBatch; readonly maxChunkBytes: number; readonly meter: Meter },
): Buffer {
  const { batch, maxChunkBytes, meter } = by;
  const nameOf = (step: number) => itemName(chunk.chain[step], batch);
  const plain = meter.run('decompress', chunk.plainBytes, () =>
    decodeChain(items, maxChunkBytes, { nameOf }),
  );
  meter.run('hash', plain.length, () => checkChunk(plain, chunk, batch));
  return plain;
}

function itemName(slice: ItemSlice | undefined, batch: ItemBatch): string {
  const { at, pack } = placeOf(slice, batch);
  return `the item at ${at} of ${pack}`;
}

/** Refuses a size that no writer gives a chunk before allocating memory for it. */
function refuseOversize({ plainBytes, chain }: ChunkToDecode, batch: ItemBatch, maxChunkBytes: number): void {
  if (plainBytes <= maxChunkBytes) return;
  const { at, pack } = placeOf(chain[0], batch);
  throw new HoldfastError(
    'E_DAMAGED',
    `the chunk at ${at} of ${pack} claims to have ${plainBytes} bytes, at most ${maxChunkBytes} are allowed`,
  );
}

/** Whether these are the bytes of the chunk with this id. */
export function isChunk(plain: Uint8Array, id: Uint8Array): boolean {
  return hash('sha256', plain, 'buffer').equals(id);
}

function checkChunk(plain: Buffer, chunk: ChunkToDecode, batch: ItemBatch): void {
  const isWhole =
    plain.length === chunk.plainBytes && isChunk(plain, chunk.id) && countRecords(plain) === chunk.records;
  if (!isWhole) throw otherChunk(chunk, batch);
}

function otherChunk({ chain }: ChunkToDecode, batch: ItemBatch): HoldfastError {
  const { at, pack } = placeOf(chain[0], batch);
  return new HoldfastError('E_DAMAGED', `the chunk at ${at} of ${pack} is not the one that its tree names`, {
    hint: 'Restore another backup, and run `holdfast verify --full`.',
  });
}

function placeOf(
  slice: ItemSlice | undefined,
  batch: ItemBatch,
): { readonly at: number; readonly pack: string } {
  return { at: slice?.offset ?? 0, pack: batch.seals[slice?.seal ?? 0]?.pack ?? 'a pack' };
}

/** The items of a chain, opened. @throws E_DAMAGED */
export function openChain(chain: readonly ItemSlice[], batch: ItemBatch, meter: Meter): Buffer[] {
  return chain.map((slice) => {
    const seal = batch.seals[slice.seal];
    if (!seal) throw new HoldfastError('E_INTERNAL', 'an item without its seal');
    const stored = Buffer.from(batch.buffer, slice.at, slice.storedBytes);
    return meter.run('open', stored.length, () =>
      openItem(seal, slice.offset, stored, itemName(slice, batch)),
    );
  });
}

/** An item of columns of which only some parts were read: elsewhere it has zeros. @throws E_DAMAGED */
function openParts(columns: StoredColumns, places: readonly number[], meter: Meter): Buffer {
  const { seal, nonce, parts, itemBytes } = columns;
  const item = Buffer.alloc(itemBytes);
  for (const { from, stored, digest } of parts) {
    const plain = meter.run('open', stored.length, () => decryptPart(seal, nonce, from, stored));
    if (!partDigest(plain).equals(digest)) throw changedColumns(columns);
    item.set(plain, from);
  }
  const read = parts.map(({ from, stored }) => ({ from, bytes: stored.length }));
  if (!holdsColumns(item, places, read)) throw changedColumns(columns);
  return item;
}

function changedColumns({ offset, seal }: StoredColumns): HoldfastError {
  return new HoldfastError(
    'E_DAMAGED',
    `columns of the item at ${offset} of ${seal.pack} are not those that were sealed`,
  );
}

/** Newlines. */
export function countRecords(bytes: Buffer): number {
  let count = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) count++;
  return count;
}
