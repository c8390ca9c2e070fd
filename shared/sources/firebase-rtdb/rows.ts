import type { RowReader } from '../rows.ts';
import { recordOfLine } from './text/record-parts.ts';

const COLUMNS = [
  { name: 'path', type: 'path', isNumber: false },
  { name: 'value', type: 'json', isNumber: false },
];

/** Nodes by their paths, from the dataset's own node; values as canonical JSON. */
export const readFirebaseRows: RowReader = async (_contents, { kind }) => {
  if (kind === 'schema') return undefined;
  return {
    columns: COLUMNS,
    key: [0],
    parse: (record) => {
      const { path, value } = recordOfLine(Buffer.from(record).toString());
      return [path.join('/'), value];
    },
  };
};
