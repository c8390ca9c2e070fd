import type { Json, JsonObject } from '../../../core/json.ts';
import type { KeyFieldAttribute } from '../../../core/key-fields.ts';

/*
 * What a PostgreSQL backup holds, by dataset. Names of tables always have a dot; the other names never do.
 *
 * | dataset             | role                | records                                                        |
 * | `pre-data`          | `pre-data`          | lines of SQL: pg_dump --section=pre-data                       |
 * | `post-data`         | `post-data`         | lines of SQL: pg_dump --section=post-data                      |
 * | `database`          | `database`          | lines of SQL: CREATE DATABASE, its settings, ACL and comment   |
 * | `roles`             | `roles`             | JSON: roles, memberships, settings of roles (roles.ts)         |
 * | `public.orders`     | `table`             | rows as COPY text                                              |
 * | `sequence values`   | `sequences`         | schema, sequence, last value, is_called as COPY text           |
 * | `large objects`     | `large-objects`     | oid, owner, acl, comment, labels as COPY text                  |
 * | `large object data` | `large-object-data` | oid, offset, bytes as COPY text                                |
 */

/** The dataset of what is made before rows are there. */
export const PRE_DATA = 'pre-data';
/** The dataset of what is made when rows are there: indexes, constraints, triggers. */
export const POST_DATA = 'post-data';
/** The dataset of the database's own settings. */
export const DATABASE = 'database';
/** The dataset of roles that the database names. */
export const ROLES_DATASET = 'roles';
/** The dataset of the values of sequences. */
export const SEQUENCE_VALUES = 'sequence values';
/** The dataset of large objects: owners, comments, privileges. */
export const LARGE_OBJECTS = 'large objects';
/** The dataset of the bytes of large objects. */
export const LARGE_OBJECT_DATA = 'large object data';

/** What a dataset is for. */
export type DatasetRole =
  | 'pre-data'
  | 'post-data'
  | 'database'
  | 'roles'
  | 'table'
  | 'sequences'
  | 'large-objects'
  | 'large-object-data';

/** A column of COPY text; the type is as `format_type` writes it, such as `numeric(10,2)`. */
export interface ColumnAttributes extends JsonObject {
  readonly name: string;
  readonly type: string;
}

/** What every dataset says of itself. */
export interface DatasetAttributes extends JsonObject {
  readonly role: DatasetRole;
}

/** Of every dataset whose records are COPY text. */
export interface CopyAttributes extends DatasetAttributes {
  /** In the order of COPY; generated columns are left out. May be empty. */
  readonly columns: readonly ColumnAttributes[];
}

/** `table` is the name of the dataset that it refers to. */
export interface ForeignKeyAttributes extends JsonObject {
  readonly name: string;
  readonly table: string;
  readonly deferrable: boolean;
}

/** What the dataset of a table says of itself. */
export interface TableAttributes extends CopyAttributes {
  readonly role: 'table';
  readonly schema: string;
  readonly table: string;
  /** Of the primary key, as far as its values can be compared; missing if there is none. */
  readonly keyFields?: readonly KeyFieldAttribute[];
  readonly unlogged: boolean;
  /** Set for a configuration table that belongs to an extension: CREATE EXTENSION makes the table. */
  readonly extension: string | null;
  /** Only rows that fulfil this are in the backup (an extension's `WHERE …`), empty for all rows. */
  readonly condition: string;
  /** Of a configuration table: they are there before its rows are, as CREATE EXTENSION makes them. */
  readonly foreignKeys?: readonly ForeignKeyAttributes[];
}

/**
 * - `acl` is null for the default, else a JSON array of
 *   `{"grantor","grantee","privilege","grantable"}`; the grantee `""` is PUBLIC.
 * - `labels` is null or a JSON array of `{"provider","label"}`.
 */
export const LARGE_OBJECT_COLUMNS: readonly ColumnAttributes[] = [
  { name: 'oid', type: 'oid' },
  { name: 'owner', type: 'name' },
  { name: 'acl', type: 'json' },
  { name: 'comment', type: 'text' },
  { name: 'labels', type: 'json' },
];

/** `offset` counts bytes from the object's start. An object's last row has a short `bytes`. */
export const LARGE_OBJECT_DATA_COLUMNS: readonly ColumnAttributes[] = [
  { name: 'oid', type: 'oid' },
  { name: 'offset', type: 'bigint' },
  { name: 'bytes', type: 'bytea' },
];

/** Columns of the values of sequences. */
export const SEQUENCE_COLUMNS: readonly ColumnAttributes[] = [
  { name: 'schema', type: 'name' },
  { name: 'sequence', type: 'name' },
  { name: 'last_value', type: 'bigint' },
  { name: 'is_called', type: 'boolean' },
];

/** Whether attributes are those of a table. */
export function isTableAttributes(attributes: Json): attributes is TableAttributes {
  return (
    typeof attributes === 'object' &&
    attributes !== null &&
    'role' in attributes &&
    attributes['role'] === 'table'
  );
}
