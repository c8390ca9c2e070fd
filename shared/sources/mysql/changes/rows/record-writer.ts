import { HoldfastError } from '../../../../core/errors.ts';
import type { StoredDataset } from '../../../contents.ts';
import type { Fields } from '../../../rows.ts';
import { type ColumnAttributes, isTableAttributes } from '../../datasets/attributes.ts';
import { escapeValue } from '../../rows/record-values.ts';
import { decoderOf } from '../../text/charsets.ts';
import { encoderOf } from '../../text/encoders.ts';

const TAB = Buffer.from('\t');
const NULL_VALUE = Buffer.from('\\N');

/** Makes records of a table of fields as `readMysqlRows` gives them. */
export function recordWriter({ attributes }: StoredDataset): (fields: Fields) => Uint8Array {
  const writers = isTableAttributes(attributes) ? attributes.columns.map(valueWriter) : [];
  return (fields) =>
    Buffer.concat(
      writers.flatMap((write, i) => {
        const text = fields[i] ?? null;
        const value = text === null ? NULL_VALUE : escapeValue(write(text));
        return i === 0 ? [value] : [TAB, value];
      }),
    );
}

function valueWriter({ name, class: kind, charset }: ColumnAttributes): (text: string) => Buffer {
  const isShownAsBytes = kind === 'text' && !decoderOf(charset ?? 'utf8mb4');
  if (kind === 'binary' || isShownAsBytes) return (text) => Buffer.from(text.slice('0x'.length), 'hex');
  if (kind !== 'text') return (text) => Buffer.from(text);
  const encode = encoderOf(charset ?? 'utf8mb4');
  return (text) => {
    const value = encode(text);
    if (value) return value;
    throw new HoldfastError(
      'E_SOURCE_UNSUPPORTED',
      `a text of ${name} has no certain form in its character set, ${charset}`,
      { hint: 'Restore the moment into another database instead: holdfast restore --at.' },
    );
  };
}
