import { isAscii, isUtf8 } from 'node:buffer';
import type { ColumnAttributes } from '../datasets/attributes.ts';

const BACKSLASH = '\\';
const ESCAPES: Readonly<Record<string, string>> = {
  '\0': '\\0',
  '\n': '\\n',
  '\r': '\\r',
  '\u001a': '\\Z',
  "'": "''",
  [BACKSLASH]: '\\\\',
};
/** Character sets in which ASCII is not one byte each. */
const WIDE = /^(ucs2|utf16|utf16le|utf32)$/;

/** A text constant in one line, for scripts that begin with SET NAMES utf8mb4. */
export function textLiteral(text: string): string {
  return `'${[...text].map((one) => ESCAPES[one] ?? one).join('')}'`;
}

export function bytesLiteral(bytes: Buffer): string {
  return `x'${bytes.toString('hex')}'`;
}

/** How values of a column are written in SQL, whatever they are: nothing is lost. */
export function literalsOf({ class: kind, charset }: ColumnAttributes): (value: Buffer) => string {
  switch (kind) {
    case 'number':
      // Without an exponent the sign of a zero would be lost.
      return (value) => (value.toString() === '-0' ? '-0e0' : value.toString());
    case 'time':
    case 'json':
      return (value) => textLiteral(value.toString());
    case 'binary':
      return bytesLiteral;
    case 'text':
      return (value) => charactersLiteral(value, charset ?? 'utf8mb4');
  }
}

function charactersLiteral(value: Buffer, charset: string): string {
  if (!WIDE.test(charset) && isAscii(value)) return textLiteral(value.toString('latin1'));
  const isUnicode = charset.startsWith('utf8');
  if (isUnicode && isUtf8(value)) return textLiteral(value.toString());
  return `${isUnicode ? '_binary' : `_${charset}`} ${bytesLiteral(value)}`;
}
