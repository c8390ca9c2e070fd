import type { Json, JsonObject } from '../../../core/json.ts';
import type { KeyFieldAttribute } from '../../../core/key-fields.ts';

/*
 * What a backup of MySQL or MariaDB holds, by dataset. A name with a blank is in backticks if it is that of a table.
 *
 * | dataset             | role        | records                                             |
 * | `database schema`   | `schema`    | JSON: one object of the database each (schema.ts)   |
 * | `server users`      | `users`     | JSON: one user or role each, on request (accounts.ts) |
 * | `orders`            | `table`     | rows as text of LOAD DATA (row-frames.ts)           |
 */

export const SCHEMA = 'database schema';

/**
 * How the text of a value goes into a statement:
 *
 * - `number`, `time`: as quoted text in ASCII
 * - `text`: bytes in the character set of the column
 * - `binary`: bytes
 * - `json`: text in UTF-8
 */
export type ColumnClass = 'number' | 'time' | 'text' | 'binary' | 'json';

export interface ColumnAttributes extends JsonObject {
  readonly name: string;
  /** As the server writes it, such as `decimal(10,2) unsigned`. */
  readonly type: string;
  readonly class: ColumnClass;
  /** Of the bytes of a `text`; null for others. */
  readonly charset: string | null;
}

export interface TableAttributes extends JsonObject {
  readonly role: 'table';
  readonly table: string;
  /** Those that have values of their own; generated ones are left out. May be empty. */
  readonly columns: readonly ColumnAttributes[];
  readonly engine: string;
  /** Columns by whose order rows come; empty: as the server has them. */
  readonly order: readonly string[];
  /** Of the same columns, as far as their values can be compared; missing if there are none. */
  readonly keyFields?: readonly KeyFieldAttribute[];
  /** Rows that were deleted or changed come too, with the columns that say when. */
  readonly isVersioned: boolean;
  /** Between which values of the first column of `order` the partitions lie, as decimal numbers; one less than there are partitions. */
  readonly bounds: readonly string[];
}

export function isTableAttributes(attributes: Json): attributes is TableAttributes {
  return (
    typeof attributes === 'object' &&
    attributes !== null &&
    'role' in attributes &&
    attributes['role'] === 'table'
  );
}
