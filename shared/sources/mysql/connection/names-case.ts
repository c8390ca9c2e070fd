import type { Session } from './connection.ts';

/** Whether names of tables that differ in case alone are one and the same there (`lower_case_table_names`). */
export async function ignoresCase(session: Session, signal: AbortSignal): Promise<boolean> {
  const [setting] = await session.query<{ value: string }>(
    'SELECT @@lower_case_table_names AS value',
    signal,
  );
  return setting?.value !== '0';
}
