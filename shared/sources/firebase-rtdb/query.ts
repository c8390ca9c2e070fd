import type { QueryReader } from '../query.ts';
import { recordOfLine } from './text/record-parts.ts';

/** Nodes by their paths, from the dataset's own node; values as canonical JSON. */
export const queryFirebase: QueryReader = ({ name }) => ({
  name,
  columns: [
    { name: 'path', type: { kind: 'text' } },
    { name: 'value', type: { kind: 'json' } },
  ],
  hasFields: false,
  parser: (places) => (record) => {
    const { path, value } = recordOfLine(Buffer.from(record).toString());
    return places.map((place) => (place === 0 ? path.join('/') : value));
  },
});
