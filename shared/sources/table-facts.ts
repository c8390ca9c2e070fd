import type { BackupContents, StoredDataset } from './contents.ts';

/** What values of a column are, whatever the database calls its type. */
export type ValueKind =
  | 'text'
  | 'integer'
  | 'decimal'
  | 'float'
  | 'date'
  | 'uuid'
  | 'json'
  | 'bytes'
  | 'ip'
  | 'other';

/** A column of a table, as far as its values matter. */
export interface ColumnFacts {
  readonly name: string;
  /** As the database writes it, such as `numeric(10,2)`. */
  readonly type: string;
  readonly kind: ValueKind;
  readonly isNullable: boolean;
  /** Of `text`, characters at most; of `bytes`, bytes. @default no limit */
  readonly most?: number | undefined;
  /** Of `text` and `bytes`: values are filled up to `most` by the database when it writes them out. @default false */
  readonly isPadded?: boolean;
  /** Of `text`: values that differ in case, or in blanks at the end, may be equal to the database. @default false */
  readonly isCaseless?: boolean;
  /** Of `integer`: bits of the greatest value. */
  readonly bits?: number;
  /** Of `decimal`: digits before the point at most. @default no limit */
  readonly wholeDigits?: number | undefined;
  /** Of `float`: decimal digits that it keeps at least. */
  readonly digits?: number;
  /** Of `float`: written with all digits that a number of 64 bits has. @default false */
  readonly isWidened?: boolean;
  /** Of `date`: first and last year that the database takes. */
  readonly years?: readonly [first: number, last: number];
  /** The database gives new rows the next number. @default false */
  readonly isCounted?: boolean;
}

/** A column in a key. */
export interface KeyPart {
  readonly column: string;
  /** Only this many characters count. */
  readonly characters?: number | undefined;
  /** What counts is an expression that names the column: as it is, in lower case, or something else. */
  readonly use: 'plain' | 'case' | 'expression';
}

/** What no two rows may have in common. */
export interface UniqueKey {
  readonly name: string;
  readonly parts: readonly KeyPart[];
  readonly isPrimary: boolean;
  /** Two NULLs are equal. @default false */
  readonly isNullOne?: boolean;
}

/** Columns that refer to a row of a table. */
export interface ForeignKey {
  readonly name: string;
  readonly columns: readonly string[];
  /** As `TableFacts.table` has it; undefined for one outside of the backup. */
  readonly table: string | undefined;
  readonly to: readonly string[];
  /** Either none of the columns is NULL, or all are. @default false */
  readonly isFull?: boolean;
}

/** A condition that every row must fulfil. */
export interface CheckFacts {
  readonly name: string;
  /** As the database writes it. */
  readonly sql: string;
  /** Columns that it may be about. */
  readonly columns: readonly string[];
}

/** How the records of a table are taken apart and put together again. */
export interface RecordCodec {
  /** The fields as they are stored, in the order of the columns; views of the record. */
  split(record: Uint8Array): Uint8Array[];
  /** Null for NULL; of `bytes`, hexadecimal digits. */
  textOf(field: Uint8Array, place: number): string | null;
  /** Not that of NULL: see `nothing`. */
  bytesOf(text: string, place: number): Uint8Array;
  /** The field that is NULL. */
  readonly nothing: Uint8Array;
  /** Between two fields. */
  readonly separator: number;
}

/** What must hold of a table's rows, as the backup's own definitions say. */
export interface TableFacts {
  /** The dataset that holds rows. */
  readonly dataset: string;
  /** What rules call it: the dataset, or the table that it is a partition of. */
  readonly table: string;
  /** In the order of the records' fields. */
  readonly columns: readonly ColumnFacts[];
  readonly keys: readonly UniqueKey[];
  readonly references: readonly ForeignKey[];
  readonly checks: readonly CheckFacts[];
  /** Columns that decide in which partition a row lies. */
  readonly partitionedBy: readonly string[];
  /** False: keys and conditions are not in the definitions, as an extension makes the table. */
  readonly isKnown: boolean;
  readonly codec: RecordCodec;
}

/** What a backup of a kind of database holds that rows can be masked in. */
export interface FactsOfTables {
  /** One for each dataset of rows. */
  readonly tables: readonly TableFacts[];
  /** Datasets that hold data of people and have no columns: a masked copy leaves them out. */
  readonly leftOut: readonly StoredDataset[];
  /** Datasets of data that a masked copy has as they are, such as the numbers that sequences give next. */
  readonly kept: readonly StoredDataset[];
}

/** Reads what must hold of the rows of a backup. @throws E_DAMAGED */
export type FactsReader = (contents: BackupContents, signal: AbortSignal) => Promise<FactsOfTables>;
