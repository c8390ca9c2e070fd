import { decodeText, encodeText } from '../../byte-text.ts';
import type { ColumnFacts, RecordCodec } from '../../table-facts.ts';
import { escapeField, parseCopyRow } from '../text/copy-text.ts';

const TAB = 0x09;
const NOTHING = Buffer.from('\\N');
/** COPY text, as the server writes it. */
export function copyCodec(columns: readonly Pick<ColumnFacts, 'kind'>[]): RecordCodec {
  const isBytes = columns.map(({ kind }) => kind === 'bytes');
  return {
    separator: TAB,
    nothing: NOTHING,
    split: (record) => (columns.length === 0 ? [] : splitAt(record, TAB)),
    textOf(field, place) {
      const [text] = parseCopyRow(decodeText(field));
      if (text === undefined) return null;
      return isBytes[place] ? text.replace(/^\\x/, '') : text;
    },
    bytesOf: (text, place) => encodeText(escapeField(isBytes[place] ? `\\x${text}` : text)),
  };
}

function splitAt(record: Uint8Array, separator: number): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let start = 0;
  for (let end = record.indexOf(separator); end >= 0; end = record.indexOf(separator, start)) {
    fields.push(record.subarray(start, end));
    start = end + 1;
  }
  fields.push(record.subarray(start));
  return fields;
}
