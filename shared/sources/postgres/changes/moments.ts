/** Microseconds from 1970 to 2000, where PostgreSQL's clock begins. */
const EPOCH_US = 946_684_800_000_000n;
const US_PER_MS = 1000n;

/** A timestamp of the protocol, microseconds since 2000, as `2026-11-29T09:15:30.000001Z`. */
export function momentOf(microseconds: bigint): string {
  const since1970 = microseconds + EPOCH_US;
  const fraction = ((since1970 % US_PER_MS) + US_PER_MS) % US_PER_MS;
  const whole = new Date(Number((since1970 - fraction) / US_PER_MS)).toISOString().slice(0, -1);
  return `${whole}${String(fraction).padStart(3, '0')}Z`;
}

/** For SQL: a timestamp with time zone in the same form. @param expression of type timestamptz */
export function momentSql(expression: string): string {
  return `pg_catalog.to_char((${expression}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}
