import { releaseMemory } from '../../core/buffer-memory.ts';
import { ByteWriter } from '../varint.ts';
import { splitLines } from './split-lines.ts';

/**
 * Lines of JSON as shapes and tables of values.
 *
 * @param plain whole records
 * @param encode makes an item of the values of one shape (`isTable`), or of the numbers of the shapes; the bytes are a view for
 *   the time of the call
 * @returns undefined if most of it is no JSON, or has a tab in it
 */
export function encodeShapes(
  plain: Uint8Array,
  encode: (bytes: Uint8Array, isTable: boolean) => Buffer,
): Buffer | undefined {
  const split = splitLines(plain);
  if (!split) return undefined;
  const { rows, groups, numbers } = split;
  const body = new ByteWriter(plain.length / 4 + 1024);
  for (const count of [plain.length, rows, groups.length]) body.varint(count);
  for (const { shape } of groups) addBytes(body, shape);
  const parts = groups.length === 1 ? [] : [encode(numbers, false)];
  for (const { values } of groups) parts.push(encode(values, true));
  for (const part of parts) {
    addBytes(body, part);
    releaseMemory(part);
  }
  return body.finish();
}

function addBytes(body: ByteWriter, bytes: Uint8Array): void {
  body.varint(bytes.length);
  body.bytes(bytes);
}
