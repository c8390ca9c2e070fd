import type pg from 'pg';
import type { BackupContents, StoredDataset } from '../../contents.ts';
import type { RestoreOptions } from '../../target.ts';
import { query } from '../connection/connection.ts';
import { copyRows, parseCopyRow } from '../text/copy-text.ts';
import { largeObjectRoles } from './large-objects.ts';
import { readDataset, withRole } from './text.ts';

const OID_BATCH = 10_000;

/** What a target has of large objects. */
export interface LargeObjectCheck {
  /** How many of them the target has by number. */
  readonly present: number;
  /** Owners, and whom their privileges are for. */
  readonly roles: ReadonlySet<string>;
}

/** Looks at the large objects of a backup before any is written; reads their list, not their bytes. */
export async function checkLargeObjects(
  client: pg.Client,
  contents: BackupContents,
  datasets: readonly StoredDataset[],
  { signal, ...options }: RestoreOptions & { readonly signal: AbortSignal },
): Promise<LargeObjectCheck> {
  const roles = new Set<string>();
  let present = 0;
  let oids: number[] = [];
  const count = async () => {
    const sql =
      'SELECT count(*)::text AS n FROM pg_catalog.pg_largeobject_metadata WHERE oid = ANY ($1::oid[])';
    const [row] = await query<{ n: string }>(client, sql, signal, { values: [oids] });
    present += Number(row?.n);
    oids = [];
  };
  for (const dataset of withRole(datasets, 'large-objects')) {
    for await (const line of copyRows(readDataset(contents, dataset, signal))) {
      const row = parseCopyRow(line);
      for (const role of largeObjectRoles(row, options)) roles.add(role);
      oids.push(Number(row[0]));
      if (oids.length === OID_BATCH) await count();
    }
  }
  if (oids.length > 0) await count();
  return { present, roles };
}
