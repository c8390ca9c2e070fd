import { HoldfastError } from '../../../../core/errors.ts';
import type { Session } from '../../connection/connection.ts';
import { quoteText } from '../../text/identifiers.ts';
import { type LogPosition, parsePosition, positionText } from '../position.ts';

/** The table of the target that says how far a replay came. It goes when the replay is finished. */
export const NOTE_TABLE = 'holdfast_replay';

/** How far a replay came: committed with the rows themselves. */
export interface Note {
  /** Everything before it is applied. */
  readonly done: LogPosition;
  /** Stored changes are needed from here on: transactions that were prepared and not ended. */
  readonly needs: LogPosition;
  /** A definition is being changed at this place: it was, if the fingerprint of definitions is another one now. */
  readonly definition: { readonly at: string; readonly fingerprint: string } | undefined;
}

const CREATE = `CREATE TABLE ${NOTE_TABLE} (
  id TINYINT NOT NULL PRIMARY KEY,
  base TEXT NOT NULL,
  done VARCHAR(600) NOT NULL,
  needs VARCHAR(600) NOT NULL,
  definition_at VARCHAR(600),
  definition_fingerprint CHAR(64)
) ENGINE=InnoDB CHARACTER SET utf8mb4 COMMENT 'Holdfast is applying changes to this database'`;

type NoteRow = Readonly<Record<'base' | 'done' | 'needs', string>> &
  Readonly<Record<'definition_at' | 'definition_fingerprint', string | null>>;

/** @throws E_TARGET_NOT_EMPTY if it is of another base; E_SOURCE_* */
export async function readNote(
  session: Session,
  base: string,
  signal: AbortSignal,
): Promise<Note | undefined> {
  const there = await session.query(
    `SELECT 1 AS one FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '${NOTE_TABLE}'`,
    signal,
  );
  if (there.length === 0) return undefined;
  const [row] = await session.query<NoteRow>(`SELECT * FROM ${NOTE_TABLE} WHERE id = 1`, signal);
  if (!row) return undefined;
  if (row.base !== base)
    throw new HoldfastError(
      'E_TARGET_NOT_EMPTY',
      `changes were applied to another backup in this database (${row.base}), not to ${base}`,
      { hint: 'Restore into an empty database, or pass --replace.' },
    );
  const { definition_at: at, definition_fingerprint: fingerprint } = row;
  return {
    done: parsePosition(row.done),
    needs: parsePosition(row.needs),
    definition: at === null || fingerprint === null ? undefined : { at, fingerprint },
  };
}

export async function makeNote(
  session: Session,
  base: string,
  note: Pick<Note, 'done' | 'needs'>,
  signal: AbortSignal,
): Promise<void> {
  await session.query(`DROP TABLE IF EXISTS ${NOTE_TABLE}`, signal);
  await session.query(CREATE, signal);
  await session.query(
    `INSERT INTO ${NOTE_TABLE} VALUES (1, ${quoteText(base)}, ${quoteText(positionText(note.done))}, ${quoteText(positionText(note.needs))}, NULL, NULL)`,
    signal,
  );
}

/** The statement that notes how far the transaction that is open brings it. */
export function noteSql({ done, needs, definition }: Note): string {
  return `UPDATE ${NOTE_TABLE} SET done = ${quoteText(positionText(done))}, needs = ${quoteText(positionText(needs))}, definition_at = ${textOrNull(definition?.at)}, definition_fingerprint = ${textOrNull(definition?.fingerprint)} WHERE id = 1`;
}

export async function removeNote(session: Session, signal: AbortSignal): Promise<void> {
  await session.query(`DROP TABLE IF EXISTS ${NOTE_TABLE}`, signal);
}

function textOrNull(text: string | undefined): string {
  return text === undefined ? 'NULL' : quoteText(text);
}
