import { releaseMemory } from '../../../core/buffer-memory.ts';
import { HoldfastError, isHoldfastError } from '../../../core/errors.ts';
import { bytes as shownBytes } from '../../../core/human.ts';
import { readColumns, type Session } from '../connection/connection.ts';
import type { TableAttributes } from '../datasets/attributes.ts';
import { errorNumber } from '../errors.ts';
import { InsertStatements, type StatementPiece } from './insert-statements.ts';

/** Statements in a group of rows that are committed together; a restore as a whole fails or stays anyway. */
const STATEMENTS_A_COMMIT = 16;

/**
 * Writes records into a table. Resolves when the server has confirmed them all.
 *
 * @throws E_SOURCE_*, E_TARGET_FULL, E_ABORTED, what `records` throws
 */
export async function insertRows(
  session: Session,
  attributes: TableAttributes,
  records: AsyncIterable<Uint8Array>,
  {
    object,
    mostBytes,
    signal,
    onBytes,
  }: {
    readonly object: string;
    /** Of a statement that the server takes: its max_allowed_packet. */
    readonly mostBytes: number;
    readonly signal: AbortSignal;
    readonly onBytes: (bytes: number) => void;
  },
): Promise<void> {
  await session.query('START TRANSACTION', signal, { object });
  await insertInto(session, attributes, records, { object, mostBytes, signal, onBytes, commits: true });
  await session.query('COMMIT', signal, { object });
}

/** The same within a transaction of the caller's, unless `commits`. */
export async function insertInto(
  session: Session,
  attributes: Pick<TableAttributes, 'table' | 'columns'>,
  records: AsyncIterable<Uint8Array>,
  {
    object,
    mostBytes,
    signal,
    onBytes,
    commits = false,
  }: Parameters<typeof insertRows>[3] & { readonly commits?: boolean },
): Promise<void> {
  const write = session.run(signal, object, async () => {
    const statements = new InsertStatements(attributes);
    const sender = new Sender(session, { object, mostBytes, commits });
    for await (const block of records) {
      for (const piece of statements.feed(block)) await sender.send(piece);
      sender.check(statements.statementBytes);
      onBytes(block.length);
      releaseMemory(block);
    }
    for (const piece of statements.finish()) await sender.send(piece);
    await sender.finish();
  });
  await write.catch((error: unknown) => {
    throw sayWhere(error);
  });
}

/** MariaDB ends itself if its disk is so full that it cannot undo a statement: all that is seen here is that it is gone. */
function sayWhere(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_LOST') || errorNumber(error) !== undefined) return error;
  const message = `${error.message}; the log of the server says why, such as a disk that is full`;
  return new HoldfastError('E_SOURCE_LOST', message, { cause: error, details: error.details });
}

/** Sends a statement while the one before is carried out. */
class Sender {
  readonly #session: Session;
  readonly #object: string;
  readonly #mostBytes: number;
  readonly #commits: boolean;
  #answer: Promise<unknown> | undefined;
  #isInside = false;
  #bytes = 0;
  #statements = 0;

  constructor(
    session: Session,
    {
      object,
      mostBytes,
      commits,
    }: { readonly object: string; readonly mostBytes: number; readonly commits: boolean },
  ) {
    this.#session = session;
    this.#object = object;
    this.#mostBytes = mostBytes;
    this.#commits = commits;
  }

  async send({ bytes, isLast }: StatementPiece): Promise<void> {
    const { wire } = this.#session;
    if (!this.#isInside) {
      await this.#begin();
      wire.sequence = 0;
      this.#bytes = 0;
    }
    this.#bytes += bytes.length;
    this.check(this.#bytes);
    this.#isInside = !isLast;
    await wire.write(wire.header(bytes.length));
    await wire.write(bytes);
    if (!isLast) return;
    this.#answer = readColumns(wire);
    this.#answer.catch(() => undefined);
  }

  async finish(): Promise<void> {
    await this.#answer;
    this.#answer = undefined;
  }

  /** @throws E_SOURCE_FAILED before the server closes the connection, which says less */
  check(statementBytes: number): void {
    if (statementBytes <= this.#mostBytes) return;
    throw new HoldfastError(
      'E_SOURCE_FAILED',
      `${this.#object}: a row takes a statement of more than ${shownBytes(this.#mostBytes)}, which is all that the server takes (max_allowed_packet)`,
      {
        hint: 'Raise max_allowed_packet on the server (1G at most), then restore again with --replace.',
        details: { object: this.#object },
      },
    );
  }

  async #begin(): Promise<void> {
    await this.finish();
    if (!this.#commits || ++this.#statements % STATEMENTS_A_COMMIT !== 0) return;
    this.#session.sendQuery(Buffer.from('COMMIT'));
    await readColumns(this.#session.wire);
    this.#session.sendQuery(Buffer.from('START TRANSACTION'));
    await readColumns(this.#session.wire);
  }
}
