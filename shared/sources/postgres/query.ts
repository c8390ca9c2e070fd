import { decodeText } from '../byte-text.ts';
import type { QueryReader } from '../query.ts';
import { textNote } from '../query-texts.ts';
import { type CopyAttributes, isTableAttributes } from './datasets/attributes.ts';
import { parseCopyRow } from './text/copy-text.ts';
import { readingOf } from './text/query-values.ts';

/** Tables, values of sequences and large objects. Types of the database's own, such as enumerations, are text. */
export const queryPostgres: QueryReader = ({ name, attributes }) => {
  if (!('columns' in attributes)) return undefined;
  const { columns } = attributes as CopyAttributes;
  const readings = columns.map(({ type }) => readingOf(type));
  return {
    ...(isTableAttributes(attributes) ? { schema: attributes.schema, name: attributes.table } : { name }),
    columns: columns.map((column, i) => ({
      name: column.name,
      type: readings[i]?.type ?? { kind: 'text' },
      ...noteOf(column, readings[i]?.type.kind),
    })),
    hasFields: true,
    parser: (places) => {
      const wanted = places.map((place) => readings[place]);
      return (record) =>
        parseCopyRow(decodeText(record)).map((field, i) =>
          field === undefined ? null : wanted[i]?.read(field),
        );
    },
  };
};

function noteOf(
  { name, type }: CopyAttributes['columns'][number],
  kind: string | undefined,
): { readonly note?: string } {
  if (kind !== 'text' || !type.startsWith('numeric')) return {};
  const reason = type === 'numeric' ? 'as it has no fixed scale' : 'as it has more than 38 digits';
  return { note: textNote(name, type, reason) };
}
