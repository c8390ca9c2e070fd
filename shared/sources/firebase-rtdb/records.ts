import { buffersLetGo } from '../../core/buffer-memory.ts';
import { KiB } from '../../core/units.ts';

import { CanonicalJson, recordLine } from './json.ts';

/** A value longer than this is not one record: its children are. Part of what makes records stable. */
export const MOST_RECORD_CHARACTERS = 128 * KiB;
const BLOCK_BYTES = 256 * KiB;

/**
 * A node's records: one for each child, by its key; of a child that is too large for one, those of its children, by
 * their path. What the node says of itself comes last. A node without children is one record of the path itself.
 *
 * @param value canonical JSON
 * @param path from the dataset's own node
 */
export function* recordsOf(value: string, path: string): Generator<string> {
  if (value === 'null') return;
  const members = new CanonicalJson(value).members();
  if (!members || members.every(({ key }) => key.startsWith('.'))) {
    yield recordLine(path, value);
    return;
  }
  for (const { key, value: child } of members) yield* recordsOfChild(child, joinPath(path, key));
}

/** @param path the child's own */
export function* recordsOfChild(value: string, path: string): Generator<string> {
  if (value === 'null') return;
  if (value.length <= MOST_RECORD_CHARACTERS) yield recordLine(path, value);
  else yield* recordsOf(value, path);
}

export function joinPath(path: string, key: string): string {
  return path === '' ? key : `${path}/${key}`;
}

/** Records put together into blocks, so that few are handed over. */
export async function* blocksOf(
  records: AsyncIterable<Buffer | string> | Iterable<Buffer | string>,
): AsyncGenerator<Uint8Array> {
  let pieces: Buffer[] = [];
  let bytes = 0;
  for await (const record of records) {
    const piece = typeof record === 'string' ? Buffer.from(record) : record;
    pieces.push(piece);
    bytes += piece.length;
    if (bytes < BLOCK_BYTES) continue;
    yield Buffer.concat(pieces);
    buffersLetGo(2 * bytes);
    pieces = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(pieces);
}
