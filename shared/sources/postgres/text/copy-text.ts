import { decodeText, encodeText } from '../../byte-text.ts';

/** One row of COPY text: its fields, undefined for NULL. Section "Text Format" of the COPY page of the manual. */
export function parseCopyRow(line: string): (string | undefined)[] {
  const fields = line.split('\t');
  return line.includes('\\') ? fields.map(fieldValue) : fields;
}

function fieldValue(field: string): string | undefined {
  return field === '\\N' ? undefined : unescapeField(field);
}

const ESCAPES: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' };

function unescapeField(field: string): string {
  if (!field.includes('\\')) return field;
  return field.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter);
}

const ESCAPED: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A field that is not NULL, as the server writes it. */
export function escapeField(text: string): string {
  return text.replaceAll(/[\\\b\f\n\r\t\v]/g, (letter) => ESCAPED[letter] ?? letter);
}

/** A row as the server writes it, without its newline. */
export function writeCopyRow(fields: readonly (string | null)[]): Uint8Array {
  return encodeText(fields.map((field) => (field === null ? '\\N' : escapeField(field))).join('\t'));
}

const NEWLINE = 0x0a;

/** The rows of a stream of COPY text; of bytes that are not UTF-8 see byte-text.ts. */
export async function* copyRows(stream: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const block of stream) {
    const bytes =
      rest.length > 0
        ? Buffer.concat([rest, block])
        : Buffer.from(block.buffer, block.byteOffset, block.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      yield decodeText(bytes.subarray(start, end));
      start = end + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
  }
}
