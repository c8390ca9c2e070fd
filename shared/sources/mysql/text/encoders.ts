import { decoderOf } from './charsets.ts';

/** Gives the bytes of a text; undefined if it has none, or could have others as well. */
export type Encode = (text: string) => Buffer | undefined;

/** What stands for bytes that mean nothing. */
const UNKNOWN = '\ufffd';
/** Character sets whose letters take one byte, or two. */
const WIDE = new Set(['big5', 'gb2312', 'gbk', 'gb18030', 'sjis', 'cp932', 'ujis', 'eucjpms', 'euckr']);

const UNICODE: Readonly<Record<string, (text: string) => Buffer>> = {
  utf8mb4: (text) => Buffer.from(text),
  utf8mb3: (text) => Buffer.from(text),
  utf8: (text) => Buffer.from(text),
  utf16le: (text) => Buffer.from(text, 'utf16le'),
  utf16: (text) => Buffer.from(text, 'utf16le').swap16(),
  ucs2: (text) => Buffer.from(text, 'utf16le').swap16(),
  utf32: encodeUtf32,
};

/** The reverse of `decoderOf`. */
export function encoderOf(charset: string): Encode {
  const unicode = UNICODE[charset];
  if (unicode) return unicode;
  let letters: ReadonlyMap<string, Buffer | undefined> | undefined;
  return (text) => {
    letters ??= lettersOf(charset);
    const bytes: Buffer[] = [];
    for (const letter of text) {
      const known = letters.get(letter);
      if (!known) return undefined;
      bytes.push(known);
    }
    return Buffer.concat(bytes);
  };
}

function encodeUtf32(text: string): Buffer {
  const points = [...text].map((letter) => letter.codePointAt(0) ?? 0);
  const bytes = Buffer.alloc(4 * points.length);
  for (const [i, point] of points.entries()) bytes.writeUInt32BE(point, 4 * i);
  return bytes;
}

/** By what they are decoded to; undefined for a letter that several bytes mean. */
function lettersOf(charset: string): ReadonlyMap<string, Buffer | undefined> {
  const decode = decoderOf(charset);
  const letters = new Map<string, Buffer | undefined>();
  const add = (bytes: Buffer): boolean => {
    const text = decode?.(bytes) ?? UNKNOWN;
    if (text.includes(UNKNOWN) || [...text].length !== 1) return false;
    letters.set(text, letters.has(text) ? undefined : bytes);
    return true;
  };
  for (let first = 0; first < 256; first++) {
    if (add(Buffer.from([first])) || !WIDE.has(charset)) continue;
    for (let second = 0; second < 256; second++) add(Buffer.from([first, second]));
  }
  return letters;
}
