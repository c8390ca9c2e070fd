import type pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import { disconnect, interrupt, query } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { asLost } from '../errors.ts';
import { quoteLiteral } from '../text/identifiers.ts';
import { snapshotLost } from './lost.ts';
import { openSession } from './session.ts';

/** Sessions that all see one snapshot; opened when first needed, at most `options.readers`. */
export class SnapshotReaders implements AsyncDisposable {
  readonly #options: PostgresOptions;
  readonly #snapshotId: string;
  readonly #idle: pg.Client[] = [];
  readonly #busy = new Set<pg.Client>();
  readonly #waiting: (() => void)[] = [];
  #open = 0;

  constructor(options: PostgresOptions, snapshotId: string) {
    this.#options = options;
    this.#snapshotId = snapshotId;
  }

  /** Waits for a free session. Each needs a `release`. @throws E_SOURCE_*, E_ABORTED */
  async acquire(signal: AbortSignal): Promise<pg.Client> {
    while (this.#idle.length === 0 && this.#open >= this.#options.readers) await this.#waitTurn(signal);
    throwIfAborted(signal);
    const client = this.#idle.pop() ?? (await this.#openReader(signal));
    this.#busy.add(client);
    return client;
  }

  /**
   * Gives up the locks that reading took, the snapshot stays: with thousands of tables the server's room for
   * locks would run out. The transaction of the snapshot keeps its own.
   */
  async unlock(client: pg.Client, signal: AbortSignal): Promise<void> {
    await query(client, 'ROLLBACK TO SAVEPOINT reading', signal);
  }

  /** A session that was closed, by an error say, is replaced by a new one when needed. */
  release(client: pg.Client): void {
    this.#busy.delete(client);
    if (client.connection.stream.destroyed) this.#open--;
    else this.#idle.push(client);
    this.#waiting.shift()?.();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#busy) interrupt(client);
    await Promise.all(this.#idle.splice(0).map(disconnect));
  }

  async #openReader(signal: AbortSignal): Promise<pg.Client> {
    this.#open++;
    let client: pg.Client | undefined;
    try {
      client = await openSession(this.#options, signal);
      await query(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', signal);
      await query(client, `SET TRANSACTION SNAPSHOT ${quoteLiteral(this.#snapshotId)}`, signal, {
        object: 'the snapshot',
      });
      await query(client, 'SAVEPOINT reading', signal);
      return client;
    } catch (error) {
      this.#open--;
      if (client !== undefined) await disconnect(client);
      this.#waiting.shift()?.();
      throw snapshotLost(asLost(error));
    }
  }

  async #waitTurn(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const onAbort = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(resolve), 1);
      reject(abortedError(signal));
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#waiting.push(resolve);
    await promise.finally(() => signal.removeEventListener('abort', onAbort));
  }
}
