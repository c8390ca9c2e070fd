import * as z from 'zod';
import { HoldfastError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { ServerVersion } from './session.ts';

const Handle = z.strictObject({
  snapshot: z.string().regex(/^[0-9A-F-]+$/i),
  version: z.number().int().positive(),
  pagesPerPartition: z.number().int().positive(),
  sequences: z.array(z.tuple([z.string(), z.string()])),
  tables: z.array(z.tuple([z.string(), z.string().regex(/^\d+$/)])),
});

/** An exported snapshot, and what was found in it that is not said by the datasets. */
export interface SnapshotHandle {
  /** As pg_export_snapshot() gave it. */
  readonly id: string;
  readonly version: ServerVersion;
  readonly pagesPerPartition: number;
  readonly sequences: readonly { readonly schema: string; readonly name: string }[];
  /** Ids of tables by the name of their dataset. */
  readonly tableIds: ReadonlyMap<string, string>;
}

/** A snapshot as another process can join it. */
export function encodeHandle({
  id,
  version,
  pagesPerPartition,
  sequences,
  tableIds,
}: SnapshotHandle): JsonObject {
  return {
    snapshot: id,
    version,
    pagesPerPartition,
    sequences: sequences.map(({ schema, name }) => [schema, name]),
    tables: [...tableIds],
  };
}

/** @throws E_DAMAGED */
export function decodeHandle(handle: JsonObject): SnapshotHandle {
  const parsed = Handle.safeParse(handle);
  if (!parsed.success)
    throw new HoldfastError(
      'E_DAMAGED',
      `this is not the handle of a snapshot: ${z.prettifyError(parsed.error)}`,
    );
  const { snapshot: id, version, pagesPerPartition, sequences, tables } = parsed.data;
  return {
    id,
    version,
    pagesPerPartition,
    sequences: sequences.map(([schema, name]) => ({ schema, name })),
    tableIds: new Map(tables),
  };
}
