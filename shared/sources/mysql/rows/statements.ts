import type { ColumnAttributes, TableAttributes } from '../datasets/attributes.ts';
import { partitionCondition } from '../datasets/partitions.ts';
import { quoteName } from '../text/identifiers.ts';

/** The rows of one partition, each with the columns of the dataset, in an order that stays the same. */
export function selectSql(attributes: TableAttributes, partition: string): string {
  const { table, columns, order, bounds, isVersioned } = attributes;
  const values = columns.length === 0 ? "''" : columns.map(valueSql).join(', ');
  const history = isVersioned ? ' FOR SYSTEM_TIME ALL' : '';
  const condition = bounds.length === 0 ? '' : partitionCondition(partition, attributes);
  const where = condition === '' ? '' : ` WHERE ${condition}`;
  const by = order.length === 0 ? '' : ` ORDER BY ${order.map(quoteName).join(', ')}`;
  return `SELECT SQL_NO_CACHE ${values} FROM ${quoteName(table)}${history}${where}${by}`;
}

/** The text of a FLOAT has six digits; as a DOUBLE it has all. A product keeps the sign of a zero. */
function valueSql({ name, type }: ColumnAttributes): string {
  return /^(float|double|real)\b/i.test(type) ? `${quoteName(name)} * 1e0` : quoteName(name);
}

/** What comes before the rows. */
export function insertSql({ table, columns }: Pick<TableAttributes, 'table' | 'columns'>): string {
  return `INSERT INTO ${quoteName(table)} (${columns.map(({ name }) => quoteName(name)).join(', ')}) VALUES `;
}

/** What comes before a value that is not NULL, as far as the type of its column asks for it. */
export function introducerOf({ class: kind }: ColumnAttributes): string {
  return kind === 'text' || kind === 'binary' ? '_binary' : '';
}
