import { throwIfAborted } from '../../../core/abort.ts';
import { encodeText } from '../../byte-text.ts';
import type { ChangeJoin } from '../../changes.ts';
import type { Consistency, DatasetPlan, PartitionPlan, SourceView } from '../../source.ts';
import type { Session } from '../connection/connection.ts';
import { isTableAttributes } from '../datasets/attributes.ts';
import { readRecords } from '../rows/read-rows.ts';
import { selectSql } from '../rows/statements.ts';
import { type SchemaObject, schemaText } from '../schema/objects.ts';
import { type Account, USERS, usersText } from '../users/accounts.ts';
import type { SessionPool } from './session-pool.ts';

export interface ViewContents {
  readonly position: string;
  readonly server: string;
  readonly consistency: Consistency;
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly join?: ChangeJoin | undefined;
  /** Objects of the schema, as a session of the snapshot reads them. */
  readonly schema: (session: Session, signal: AbortSignal) => Promise<readonly SchemaObject[]>;
  /** The same of users, if they are in the backup. */
  readonly users: (session: Session, signal: AbortSignal) => Promise<readonly Account[]>;
}

export class MysqlView implements SourceView {
  readonly position: string;
  readonly server: string;
  readonly consistency: Consistency;
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly join: ChangeJoin | undefined;
  readonly #schema: ViewContents['schema'];
  readonly #users: ViewContents['users'];
  readonly #pool: SessionPool;

  constructor(pool: SessionPool, contents: ViewContents) {
    this.#pool = pool;
    this.position = contents.position;
    this.server = contents.server;
    this.consistency = contents.consistency;
    this.datasets = contents.datasets;
    this.omitted = contents.omitted;
    this.join = contents.join;
    this.#schema = contents.schema;
    this.#users = contents.users;
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    throwIfAborted(signal);
    const { attributes, name } = dataset;
    const session = await this.#pool.acquire(signal);
    try {
      if (isTableAttributes(attributes))
        yield* readRecords(session, selectSql(attributes, partition.name), signal, { object: name });
      else if (name === USERS) yield encodeText(usersText(await this.#users(session, signal)));
      else yield encodeText(schemaText(await this.#schema(session, signal)));
      // Lets go of the table, which could not be altered meanwhile. The snapshot stays.
      await session.query('ROLLBACK TO SAVEPOINT reading', signal, { object: name });
    } finally {
      this.#pool.release(session);
    }
  }

  async check(signal: AbortSignal): Promise<void> {
    await this.#pool.check(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool[Symbol.asyncDispose]();
  }
}
