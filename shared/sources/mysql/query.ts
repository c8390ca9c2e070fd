import type { QueryReader } from '../query.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { parseRecord } from './rows/record-values.ts';
import { readingOf } from './text/query-values.ts';

/** Tables. */
export const queryMysql: QueryReader = ({ name, attributes }) => {
  if (!isTableAttributes(attributes)) return undefined;
  const readings = attributes.columns.map(readingOf);
  return {
    name,
    columns: attributes.columns.map((column, i) => {
      const { type = { kind: 'text' } as const, note } = readings[i] ?? {};
      return { name: column.name, type, ...(note !== undefined && { note }) };
    }),
    hasFields: true,
    parser: (places) => {
      const wanted = places.map((place) => readings[place]);
      return (record) =>
        parseRecord(record).map((value, i) => (value === null ? null : wanted[i]?.read(value)));
    },
  };
};
