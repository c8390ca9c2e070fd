import type pg from 'pg';
import { KiB } from '../../../core/units.ts';
import { query } from '../connection/connection.ts';

/** Bytes of a large object in one record; twice as many characters. */
const PIECE_BYTES = 32 * KiB;
/** The flag of lo_open, `INV_READ` in libpq-fs.h. */
const INV_READ = 262_144;

/** How many large objects there are. */
export interface LargeObjectTotals {
  readonly objects: number;
  /** On disk, from the size of pg_largeobject. */
  readonly bytes: number;
}

/** Counts large objects, without reading any. */
export async function countLargeObjects(client: pg.Client, signal: AbortSignal): Promise<LargeObjectTotals> {
  const [row] = await query<{ objects: string; bytes: string }>(
    client,
    `SELECT count(*)::text AS objects, pg_relation_size('pg_catalog.pg_largeobject')::text AS bytes
       FROM pg_catalog.pg_largeobject_metadata`,
    signal,
  );
  return { objects: Number(row?.objects), bytes: Number(row?.bytes) };
}

/** For the columns of LARGE_OBJECT_COLUMNS. */
export const LARGE_OBJECTS_COPY = `COPY (
  SELECT m.oid, pg_get_userbyid(m.lomowner),
         CASE WHEN m.lomacl IS NOT NULL THEN coalesce(
           (SELECT json_agg(json_build_object(
                     'grantor', pg_get_userbyid(a.grantor),
                     'grantee', CASE WHEN a.grantee = 0 THEN '' ELSE pg_get_userbyid(a.grantee) END,
                     'privilege', a.privilege_type, 'grantable', a.is_grantable))
              FROM aclexplode(m.lomacl) a), '[]') END,
         obj_description(m.oid, 'pg_largeobject'),
         (SELECT json_agg(json_build_object('provider', l.provider, 'label', l.label) ORDER BY l.provider)
            FROM pg_catalog.pg_seclabel l
           WHERE l.classoid = 'pg_catalog.pg_largeobject'::regclass AND l.objoid = m.oid)
    FROM pg_catalog.pg_largeobject_metadata m ORDER BY m.oid
) TO STDOUT`;

const READABLE = `
           WHERE pg_has_role(lomowner, 'USAGE')
              OR EXISTS (SELECT FROM aclexplode(lomacl) a WHERE a.privilege_type = 'SELECT'
                            AND (a.grantee = 0 OR pg_has_role(a.grantee, 'USAGE')))`;

/** Numbers of the first large objects that the login may not read. */
export async function deniedLargeObjects(
  client: pg.Client,
  most: number,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const rows = await query<{ oid: string }>(
    client,
    `SELECT oid::text AS oid FROM pg_catalog.pg_largeobject_metadata
      WHERE oid NOT IN (SELECT oid FROM pg_catalog.pg_largeobject_metadata${READABLE}) ORDER BY oid LIMIT ${most}`,
    signal,
  );
  return rows.map(({ oid }) => oid);
}

/**
 * For the columns of LARGE_OBJECT_DATA_COLUMNS. Reads by the functions that check each object's privileges:
 * pg_largeobject itself is for superusers. `OFFSET 0` keeps the steps apart and in order: an object is
 * opened, measured, closed, then read piece by piece.
 *
 * @param readableOnly pass over those that the login may not read, instead of failing
 */
export const largeObjectDataCopy = (readableOnly: boolean) => `COPY (
  SELECT m.oid, p.start, lo_get(m.oid, p.start, ${PIECE_BYTES})
    FROM (SELECT oid FROM pg_catalog.pg_largeobject_metadata${readableOnly ? READABLE : ''} ORDER BY oid OFFSET 0) m,
         LATERAL (SELECT lo_open(m.oid, ${INV_READ}) AS fd OFFSET 0) o,
         LATERAL (SELECT lo_lseek64(o.fd, 0, 2) AS size OFFSET 0) s,
         LATERAL (SELECT lo_close(o.fd) AS closed, s.size AS bytes OFFSET 0) c,
         LATERAL generate_series(0, c.bytes - 1, ${PIECE_BYTES}) p(start)
   WHERE c.closed = 0
) TO STDOUT`;
