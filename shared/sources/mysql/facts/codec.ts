import { HoldfastError } from '../../../core/errors.ts';
import type { ColumnFacts, RecordCodec } from '../../table-facts.ts';
import type { ColumnAttributes } from '../datasets/attributes.ts';
import { escapeValue, parseRecord } from '../rows/record-values.ts';
import { decoderOf } from '../text/charsets.ts';

const TAB = 0x09;
const NOTHING = Buffer.from('\\N');
const UTF8 = /^utf8/;

/** The text of LOAD DATA, each value in the character set of its column. */
export function loadDataCodec(
  attributes: readonly ColumnAttributes[],
  columns: readonly Pick<ColumnFacts, 'kind' | 'name'>[],
): RecordCodec {
  const texts = columns.map(({ kind }, place) => decoding(kind, attributes[place]));
  return {
    separator: TAB,
    nothing: NOTHING,
    split: (record) => (columns.length === 0 ? [] : splitAt(record)),
    textOf(field, place) {
      const [value = null] = parseRecord(field);
      return value === null ? null : (texts[place]?.(value) ?? '');
    },
    bytesOf(text, place) {
      if (columns[place]?.kind === 'bytes') return escapeValue(Buffer.from(text, 'hex'));
      refuseOtherLetters(text, attributes[place]);
      return escapeValue(Buffer.from(text));
    },
  };
}

function decoding(kind: ColumnFacts['kind'], attributes: ColumnAttributes | undefined) {
  if (kind === 'bytes') return (value: Buffer) => value.toString('hex');
  const decode = attributes?.class === 'text' ? decoderOf(attributes.charset ?? 'utf8mb4') : undefined;
  return decode ?? ((value: Buffer) => value.toString('latin1'));
}

/** @throws E_USAGE for letters that would need the column's own character set */
function refuseOtherLetters(text: string, attributes: ColumnAttributes | undefined): void {
  const { charset, name } = attributes ?? {};
  if (!charset || UTF8.test(charset) || /^[\0-\x7f]*$/.test(text)) return;
  throw new HoldfastError('E_USAGE', `${name} is in ${charset}; a mask can write only ASCII into it`, {
    hint: 'Give a constant or a template of ASCII letters.',
  });
}

function splitAt(record: Uint8Array): Uint8Array[] {
  const fields: Uint8Array[] = [];
  let start = 0;
  for (let end = record.indexOf(TAB); end >= 0; end = record.indexOf(TAB, start)) {
    fields.push(record.subarray(start, end));
    start = end + 1;
  }
  fields.push(record.subarray(start));
  return fields;
}
