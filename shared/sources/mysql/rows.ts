import type { RowReader } from '../rows.ts';
import { isTableAttributes } from './datasets/attributes.ts';
import { shownTexts } from './rows/export-rows.ts';
import { literalsOf } from './rows/literals.ts';
import { parseRecord } from './rows/record-values.ts';

/** Rows of tables. Bytes are hexadecimal digits; the key is that by whose order the table was read. */
export const readMysqlRows: RowReader = async (_contents, { attributes }, _signal, form) => {
  if (!isTableAttributes(attributes)) return undefined;
  const { columns, order, isVersioned } = attributes;
  const texts = form === 'sql' ? columns.map(literalsOf) : shownTexts(columns);
  const places = order.map((name) => columns.findIndex((column) => column.name === name));
  return {
    columns: columns.map((column) => ({
      name: column.name,
      type: column.type,
      isNumber: column.class === 'number',
    })),
    encoding: JSON.stringify(columns.map((column) => [column.class, column.charset])),
    // Of a table with a history, several rows have the same key.
    key: isVersioned || places.includes(-1) ? [] : places,
    parse: (record) =>
      columns.length === 0
        ? []
        : parseRecord(record).map((value, i) => (value === null ? null : (texts[i]?.(value) ?? ''))),
  };
};
