import { abortedError } from '../../../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../../../core/errors.ts';
import { bytes as shownBytes } from '../../../../core/human.ts';
import { Meanwhile } from '../../../../core/meanwhile.ts';
import { KiB, MiB } from '../../../../core/units.ts';
import { readColumns, type Session } from '../../connection/connection.ts';
import type { LogFormat } from '../log/event.ts';
import { type Note, noteSql } from './note.ts';
import { binlogSql, RowStatements, type RowsToApply } from './row-statements.ts';

/** Transactions of the log that are committed together, and bytes of events after which they are. */
const MOST_TRANSACTIONS = 5000;
const MOST_OPEN_BYTES = 4 * MiB;
const STATEMENT_BYTES = MiB;
/** For a target that writes each statement's text into its own log, once for each statement of the stream in it. */
const ANNOTATED_BYTES = 8 * KiB;
/** Of a statement beside the events. */
const FRAME_BYTES = KiB;

/** Applies events of rows to a target, whole transactions only, each with the note of how far it brings the target. */
export class Player {
  readonly #session: Session;
  readonly #mostStatementBytes: number;
  readonly #statements: RowStatements;
  #format: LogFormat | undefined;
  #isOpen = false;
  #openBytes = 0;
  #transactions = 0;
  #note: Note | undefined;
  /** What the server does while the next events are read. */
  readonly #meanwhile = new Meanwhile();

  /**
   * @param mostPacketBytes what the server takes at once: max_allowed_packet
   * @param isAnnotated whether the server notes texts of statements in its log
   */
  constructor(
    session: Session,
    { mostPacketBytes, isAnnotated }: { readonly mostPacketBytes: number; readonly isAnnotated: boolean },
  ) {
    this.#session = session;
    this.#mostStatementBytes = Math.floor(((mostPacketBytes - FRAME_BYTES) / 4) * 3);
    const most = isAnnotated ? ANNOTATED_BYTES : STATEMENT_BYTES;
    this.#statements = new RowStatements(Math.min(most, this.#mostStatementBytes));
  }

  /** The description of the events that come. Outside of transactions. */
  async describe(format: LogFormat, bytes: Buffer, signal: AbortSignal): Promise<void> {
    await this.commit(signal);
    this.#format = format;
    await this.#session.query(binlogSql([bytes]), signal);
  }

  table(bytes: Buffer): void {
    this.#statements.table(bytes);
  }

  endStatement(): void {
    this.#statements.endStatement(this.#described());
  }

  /** @throws E_SOURCE_FAILED for a row that the server does not take */
  async rows(event: RowsToApply, signal: AbortSignal): Promise<void> {
    if (event.bytes.length > this.#mostStatementBytes)
      throw new HoldfastError(
        'E_SOURCE_FAILED',
        `a row is too large for the server: its event has ${shownBytes(event.bytes.length)}, and max_allowed_packet allows ${shownBytes(this.#mostStatementBytes)}`,
        {
          hint: 'Raise max_allowed_packet on the target (1G at most), and run the restore again: it continues.',
        },
      );
    this.#openBytes += event.bytes.length;
    for (const sql of this.#statements.rows(event, this.#described())) await this.#run(sql, signal);
  }

  /** A statement inside of a transaction, such as SAVEPOINT. */
  async say(sql: Uint8Array, signal: AbortSignal): Promise<void> {
    await this.#flush(signal);
    await this.#meanwhile.settle();
    await this.#begin(signal);
    await runBytes(this.#session, sql, signal);
  }

  /** A transaction of the log is whole. */
  async end(note: Note, signal: AbortSignal): Promise<void> {
    this.#note = note;
    this.#transactions++;
    if (this.#transactions >= MOST_TRANSACTIONS || this.#openBytes >= MOST_OPEN_BYTES)
      await this.commit(signal);
  }

  /** Nothing was applied, and this is how far it is. */
  pass(note: Note): void {
    this.#note = note;
  }

  async commit(signal: AbortSignal): Promise<void> {
    if (this.#format) await this.#flush(signal);
    await this.#meanwhile.settle();
    if (this.#note) {
      await this.#begin(signal);
      await this.#session.query(noteSql(this.#note), signal);
    }
    if (this.#isOpen) await this.#session.query('COMMIT', signal);
    this.#isOpen = false;
    this.#note = undefined;
    this.#transactions = 0;
    this.#openBytes = 0;
  }

  async #flush(signal: AbortSignal): Promise<void> {
    for (const sql of this.#statements.finish(this.#described())) await this.#run(sql, signal);
  }

  /** Begins a statement when the one before it is done. */
  async #run(sql: string, signal: AbortSignal): Promise<void> {
    await this.#meanwhile.begin(async () => {
      await this.#begin(signal);
      await this.#session.query(sql, signal).catch((error: unknown) => {
        if (signal.aborted) throw abortedError(signal);
        throw explain(error);
      });
    });
  }

  async #begin(signal: AbortSignal): Promise<void> {
    if (this.#isOpen) return;
    await this.#session.query('START TRANSACTION', signal);
    this.#isOpen = true;
  }

  #described(): LogFormat {
    if (this.#format) return this.#format;
    throw new HoldfastError('E_DAMAGED', 'stored changes have rows before a description of their log');
  }
}

/** A statement as bytes, in whatever character set. @throws E_SOURCE_* */
export async function runBytes(session: Session, sql: Uint8Array, signal: AbortSignal): Promise<void> {
  await session.run(signal, undefined, async () => {
    session.sendQuery(sql);
    await readColumns(session.wire);
  });
}

function explain(error: unknown): unknown {
  if (!isHoldfastError(error)) return error;
  return new HoldfastError(error.code, `changes could not be applied: ${error.message}`, {
    cause: error,
    details: error.details,
    hint: 'The target does not hold what the source held, perhaps because something else wrote to it. Restore into an empty database again.',
  });
}
