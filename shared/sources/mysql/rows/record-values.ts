const NEWLINE = 0x0a;
const TAB = 0x09;
const BACKSLASH = 0x5c;
const LETTER_N = 0x4e;
const UNESCAPED: Readonly<Record<number, number>> = { 48: 0, 116: TAB, 110: NEWLINE };

/** The values of one record without its newline; null for NULL. */
export function parseRecord(record: Uint8Array): (Buffer | null)[] {
  const values: (Buffer | null)[] = [];
  for (let at = 0; ; ) {
    const end = record.indexOf(TAB, at);
    values.push(parseValue(record.subarray(at, end < 0 ? record.length : end)));
    if (end < 0) return values;
    at = end + 1;
  }
}

function parseValue(text: Uint8Array): Buffer | null {
  if (text.length === 2 && text[0] === BACKSLASH && text[1] === LETTER_N) return null;
  const value = Buffer.from(text);
  if (!value.includes(BACKSLASH)) return value;
  let used = 0;
  for (let at = 0; at < value.length; at++) {
    const byte = value[at] ?? 0;
    const next = value[at + 1] ?? 0;
    value[used++] = byte === BACKSLASH ? (UNESCAPED[next] ?? next) : byte;
    if (byte === BACKSLASH) at++;
  }
  return value.subarray(0, used);
}

const LETTERS: Readonly<Record<number, string>> = { 0: '0', 9: 't', 10: 'n', 92: '\\' };

/** A value that is not NULL, as records have it. */
export function escapeValue(value: Buffer): Buffer {
  if (!value.some((byte) => LETTERS[byte] !== undefined)) return value;
  const bytes: number[] = [];
  for (const byte of value) {
    const letter = LETTERS[byte];
    if (letter === undefined) bytes.push(byte);
    else bytes.push(0x5c, letter.charCodeAt(0));
  }
  return Buffer.from(bytes);
}
