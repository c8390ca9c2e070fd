import { throwIfAborted } from '../../../core/abort.ts';
import { encodeText } from '../../byte-text.ts';
import type { Consistency, DatasetPlan, PartitionPlan, SourceView } from '../../source.ts';
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
  readonly schema: readonly SchemaObject[];
  /** Undefined: they are not in the backup. */
  readonly users: readonly Account[] | undefined;
}

export class MysqlView implements SourceView {
  readonly position: string;
  readonly server: string;
  readonly consistency: Consistency;
  readonly datasets: readonly DatasetPlan[];
  readonly omitted: readonly string[];
  readonly #schema: readonly SchemaObject[];
  readonly #users: readonly Account[];
  readonly #pool: SessionPool;

  constructor(pool: SessionPool, contents: ViewContents) {
    this.#pool = pool;
    this.position = contents.position;
    this.server = contents.server;
    this.consistency = contents.consistency;
    this.datasets = contents.datasets;
    this.omitted = contents.omitted;
    this.#schema = contents.schema;
    this.#users = contents.users ?? [];
  }

  async *read(
    dataset: DatasetPlan,
    partition: PartitionPlan,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, void> {
    throwIfAborted(signal);
    const { attributes, name } = dataset;
    if (!isTableAttributes(attributes)) {
      yield encodeText(name === USERS ? usersText(this.#users) : schemaText(this.#schema));
      return;
    }
    const session = await this.#pool.acquire(signal);
    try {
      yield* readRecords(session, selectSql(attributes, partition.name), signal, { object: name });
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
