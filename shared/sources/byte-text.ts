import { isUtf8 } from 'node:buffer';

/*
 * Databases in SQL_ASCII hold bytes that need not be UTF-8. As text, each such byte is a code unit of its own, U+DC80 to
 * U+DCFF, which no UTF-8 gives (Python calls that surrogateescape): so it goes through what works on text and comes out
 * as it was.
 */
const FIRST_BYTE = 0xdc00;
/** Alone: with `u`, half of a pair does not match. */
const BYTE = /[\udc80-\udcff]/u;
const BYTES = /[\udc80-\udcff]/gu;

/** Bytes as text; those that are no UTF-8 are kept in a form of their own. */
export function decodeText(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (isUtf8(buffer)) return buffer.toString('utf8');
  const parts: string[] = [];
  for (let at = 0; at < buffer.length; ) {
    const length = characterBytes(buffer, at);
    parts.push(
      length === 0
        ? String.fromCharCode(FIRST_BYTE + (buffer[at] ?? 0))
        : buffer.toString('utf8', at, at + length),
    );
    at += Math.max(length, 1);
  }
  return parts.join('');
}

/** Whether a text has such bytes. */
export function hasBytes(text: string): boolean {
  return BYTE.test(text);
}

/** The bytes again. */
export function encodeText(text: string): Buffer {
  if (!hasBytes(text)) return Buffer.from(text);
  const parts: Buffer[] = [];
  let start = 0;
  for (const { index } of text.matchAll(BYTES)) {
    parts.push(Buffer.from(text.slice(start, index)), Buffer.from([text.charCodeAt(index) - FIRST_BYTE]));
    start = index + 1;
  }
  return Buffer.concat([...parts, Buffer.from(text.slice(start))]);
}

/** Length of the UTF-8 character there, or of a run of ASCII; 0 if there is none. */
function characterBytes(buffer: Buffer, at: number): number {
  let end = at;
  while (end < buffer.length && (buffer[end] ?? 0) < 0x80) end++;
  if (end > at) return end - at;
  const first = buffer[at] ?? 0;
  const length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  return at + length <= buffer.length && isUtf8(buffer.subarray(at, at + length)) ? length : 0;
}
