import { buffersLetGo } from '../../../core/buffer-memory.ts';
import { KiB } from '../../../core/units.ts';
import { READ_LIMITS } from '../connection/read-limits.ts';
import { CanonicalJson, parseRecord, recordLine } from './json.ts';
import { TreeText } from './tree-text.ts';

const BLOCK_BYTES = 256 * KiB;

/**
 * A node's records: one for each child, by its key; of a child that is too large for one, those of its children, by
 * their path. What the node says of itself comes last. A node without children is one record of the path itself.
 *
 * @param value canonical JSON
 * @param path from the dataset's own node
 */
export function* recordsOf(
  value: string,
  path: string,
  most = READ_LIMITS.recordCharacters,
): Generator<string> {
  if (value === 'null') return;
  const members = new CanonicalJson(value).members();
  if (!members || members.every(({ key }) => key.startsWith('.'))) {
    yield recordLine(path, value);
    return;
  }
  for (const { key, value: child } of members) yield* recordsOfChild(child, joinPath(path, key), most);
}

/** @param path the child's own */
export function* recordsOfChild(
  value: string,
  path: string,
  most = READ_LIMITS.recordCharacters,
): Generator<string> {
  if (value === 'null') return;
  if (value.length <= most) yield recordLine(path, value);
  else yield* recordsOf(value, path, most);
}

/**
 * The records of a child that came in parts: one, if all of it fits in one. So records do not tell how it was
 * read.
 *
 * @param path the child's own
 */
export async function* asRecordsOfChild(
  records: AsyncIterable<Buffer | string>,
  path: string,
  most: number,
): AsyncGenerator<Buffer | string> {
  const depth = path.split('/').length;
  const text = new TreeText();
  const held: (Buffer | string)[] = [];
  let whole = '';
  let isSplit = false;
  for await (const record of records) {
    if (isSplit) {
      yield record;
      continue;
    }
    held.push(record);
    const { path: at, value } = parseRecord(record.toString().trimEnd());
    whole += text.add(at.split('/').slice(depth), value);
    if (whole.length <= most) continue;
    isSplit = true;
    yield* held.splice(0);
    whole = '';
  }
  if (held.length === 0) return;
  whole += text.end();
  if (whole.length <= most) yield recordLine(path, whole);
  else yield* held;
}

/** A path with one more key. */
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
