import type { MessagePort } from 'node:worker_threads';
import { ERRORS, type ErrorCode, HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { KeyTests } from '../wanted-keys.ts';

/** Each backup is called by a letter. */
export const MOST_QUERIED = 26;

/** A dataset of a backup, as the thread that runs the query is told of it. */
export interface QueriedDataset {
  readonly name: string;
  readonly attributes: JsonObject;
  readonly records: number;
  readonly plainBytes: number;
}

/** A backup, and what it is called in SQL. */
export interface QueriedBackup {
  readonly alias: string;
  readonly sourceKind: string;
  readonly datasets: readonly QueriedDataset[];
}

/** What the thread writes instead of handing out rows: Parquet files. */
export interface FileToWrite {
  /** Which dataset as a whole, of the first backup. @default what the SQL selects */
  readonly dataset?: number;
  /** It exists already, and is empty. */
  readonly path: string;
}

/** What the thread is given when it starts, before it knows its task. */
export interface QueryThreadData {
  /** Where blocks of records come from, while the thread waits on the flag. */
  readonly blocks: MessagePort;
  /** One Int32: 1 if there is an answer. */
  readonly flag: SharedArrayBuffer;
}

/** What the thread does. */
export interface QueryTask {
  readonly backups: readonly QueriedBackup[];
  /** @default whole datasets are written */
  readonly sql?: string | undefined;
  /** @default rows are handed out */
  readonly files?: readonly FileToWrite[];
  readonly memoryBytes: number;
}

/** The thread asks for the next block of a scan; of a new scan, it says of what. */
export interface BlockRequest {
  readonly scan: number;
  readonly of?: {
    readonly backup: number;
    readonly dataset: number;
    /** Of the wanted columns, ascending. @default whole records */
    readonly places?: readonly number[];
    /** Records for which they do not hold may be left out. @default all are wanted */
    readonly tests?: KeyTests;
  };
}

/** Whole records; undefined at the end. An error was thrown where blocks are read, which keeps it. */
export type BlockAnswer = { readonly block: Uint8Array | undefined } | { readonly failed: true };

/** A column of a result. */
export interface ResultColumn {
  readonly name: string;
  /** As DuckDB writes it, such as `DECIMAL(10,2)`. */
  readonly type: string;
}

/** A value of a result: docs/reference/library.md. */
export type ResultValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly ResultValue[]
  | { readonly [name: string]: ResultValue };

/** What the thread is told while it runs: its task, to send more rows, or to end. */
export type QueryOrder = QueryTask | 'more' | 'stop';

/** What it says. */
export type QueryReport =
  | { readonly kind: 'columns'; readonly columns: readonly ResultColumn[] }
  | { readonly kind: 'rows'; readonly rows: readonly (readonly ResultValue[])[] }
  | { readonly kind: 'written'; readonly dataset: number | undefined }
  | { readonly kind: 'end'; readonly warnings: readonly string[] }
  | { readonly kind: 'failed'; readonly error: PlainError };

/** An error without its class, which it loses between threads. */
export interface PlainError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string | undefined;
}

/** An error to be sent. */
export function plainError(error: unknown): PlainError {
  if (isHoldfastError(error)) return { code: error.code, message: error.message, hint: error.hint };
  return {
    code: 'E_INTERNAL',
    message: error instanceof Error ? error.message : String(error),
    hint: undefined,
  };
}

/** The error that was sent. */
export function revivedError({ code, message, hint }: PlainError): HoldfastError {
  return new HoldfastError(code in ERRORS ? code : 'E_INTERNAL', message, hint === undefined ? {} : { hint });
}
