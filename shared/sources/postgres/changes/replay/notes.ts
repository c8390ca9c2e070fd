import type pg from 'pg';
import { HoldfastError } from '../../../../core/errors.ts';
import type { ChangePosition } from '../../../changes.ts';
import { query } from '../../connection/connection.ts';

/** Where the target notes how far a replay is. Nothing of it is left at the end. */
const SCHEMA = 'holdfast_replay';

/** What a replay notes in its target. */
export interface Notes {
  /** Which base, and until when. */
  readonly replay: string;
  /** Everything before it is applied; empty before the first. */
  readonly to: ChangePosition;
  /** Whether the session was a replica: see guards.ts. */
  readonly isReplica: boolean;
  /** Statements to run at the end, beside removing the notes. */
  readonly undo: readonly string[];
  /** Values of sequences of the last stretch, by name. */
  readonly sequences: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
}

/** @returns undefined if there are none @throws E_SOURCE_*, E_ABORTED */
export async function readNotes(client: pg.Client, signal: AbortSignal): Promise<Notes | undefined> {
  const [there] = await query<{ id: string | null }>(
    client,
    `SELECT pg_catalog.to_regclass('${SCHEMA}.notes')::text AS id`,
    signal,
  );
  if (!there?.id) return undefined;
  const [notes] = await query<{ [K in keyof Notes]: Notes[K] }>(
    client,
    `SELECT replay, position AS to, is_replica AS "isReplica", undo, sequences, warnings FROM ${SCHEMA}.notes`,
    signal,
  );
  return notes;
}

/** In the open transaction. @throws E_SOURCE_*, E_TARGET_NOT_EMPTY */
export async function makeNotes(client: pg.Client, notes: Notes, signal: AbortSignal): Promise<void> {
  if (await readNotes(client, signal))
    throw new HoldfastError(
      'E_TARGET_NOT_EMPTY',
      'a replay of changes into this database has begun already',
      {
        hint: 'Finish that restore, or restore into an empty database.',
      },
    );
  await query(
    client,
    `CREATE SCHEMA IF NOT EXISTS ${SCHEMA};
     CREATE TABLE ${SCHEMA}.notes (replay text NOT NULL, position text NOT NULL, is_replica boolean NOT NULL,
       undo jsonb NOT NULL, sequences jsonb NOT NULL, warnings jsonb NOT NULL)`,
    signal,
  );
  const { replay, to, isReplica, undo, sequences, warnings } = notes;
  await query(client, `INSERT INTO ${SCHEMA}.notes VALUES ($1, $2, $3, $4, $5, $6)`, signal, {
    values: [replay, to, isReplica, ...[undo, sequences, warnings].map((one) => JSON.stringify(one))],
  });
}

/** In the transaction that applied the changes. @throws E_SOURCE_* */
export async function noteProgress(
  client: pg.Client,
  { to, undo, sequences, warnings }: Pick<Notes, 'to' | 'undo' | 'sequences' | 'warnings'>,
  signal: AbortSignal,
): Promise<void> {
  const values = [to, ...[undo, sequences, warnings].map((one) => JSON.stringify(one))];
  await query(
    client,
    `UPDATE ${SCHEMA}.notes SET position = $1, undo = $2, sequences = $3, warnings = $4`,
    signal,
    { values },
  );
}

/** In the open transaction. @throws E_SOURCE_* */
export async function removeNotes(client: pg.Client, signal: AbortSignal): Promise<void> {
  await query(client, `DROP SCHEMA ${SCHEMA} CASCADE`, signal);
}
