import type pg from 'pg';
import { isHoldfastError } from '../../../core/errors.ts';
import { query } from '../connection/connection.ts';

/** No conversion between the encoding of the database and UTF-8. */
const NOT_CONVERTED = ['22021', '22P05'];

/** Whether a statement failed as text of the database has no like in UTF-8. */
export function isNotConverted(error: unknown): boolean {
  return isHoldfastError(error) && NOT_CONVERTED.includes(String(error.details['sqlState']));
}

/**
 * Names in a catalog that all databases of the server share. They are in the encoding of the database where
 * they were made; those that cannot be read in this one are left out, as no statement here could name them
 * either.
 */
export async function listNames(
  client: pg.Client,
  { catalog, name }: { readonly catalog: string; readonly name: string },
  signal: AbortSignal,
): Promise<readonly string[]> {
  const sql = `SELECT ${name} AS name FROM pg_catalog.${catalog}`;
  const read = async (where = '') => {
    try {
      return (await query<{ name: string }>(client, sql + where, signal)).map((row) => row.name);
    } catch (error) {
      if (isNotConverted(error)) return undefined;
      throw error;
    }
  };
  const all = await read();
  if (all !== undefined) return all;
  const oids = await query<{ oid: string }>(
    client,
    `SELECT oid::text AS oid FROM pg_catalog.${catalog}`,
    signal,
  );
  const names: string[] = [];
  for (const { oid } of oids) names.push(...((await read(` WHERE oid = ${Number(oid)}`)) ?? []));
  return names;
}
