import { createHash } from 'node:crypto';
import { HoldfastError } from '../../../../core/errors.ts';
import type { Session } from '../../connection/connection.ts';
import { listTables } from '../../datasets/tables.ts';
import { readSchema } from '../../schema/read.ts';
import { looseTables } from '../definitions.ts';
import type { LogEvent } from '../log/event.ts';
import type { Query } from '../log/payloads.ts';
import type { Statement } from '../log/statement.ts';
import { contextSql } from './context.ts';
import { runBytes } from './player.ts';
import { renameIn } from './rename.ts';

/** The database as it is called at the source and at the target. */
export interface Names {
  readonly source: string;
  readonly target: string;
}

/** Statements of the log that make, alter or drop what a database holds, run in a session of their own. */
export class Definer {
  readonly #session: Session;
  readonly #names: Names;
  #loose: ReadonlyMap<string, string>;

  private constructor(session: Session, names: Names, loose: ReadonlyMap<string, string>) {
    this.#session = session;
    this.#names = names;
    this.#loose = loose;
  }

  static async open(session: Session, names: Names, signal: AbortSignal): Promise<Definer> {
    return new Definer(session, names, await looseTables(session, signal));
  }

  /** The engine of a table without snapshots, whose rows are left as they are. */
  looseEngine(table: string): string | undefined {
    return this.#loose.get(table);
  }

  /** Of all that the target holds. It changes with each statement that does something, save a few that swap equals. */
  async fingerprint(signal: AbortSignal): Promise<string> {
    const tables = (await listTables(this.#session, signal)).map(({ name }) => name);
    const objects = await readSchema(this.#session, tables, signal);
    return createHash('sha256').update(JSON.stringify(objects)).digest('hex');
  }

  /** @throws E_SOURCE_UNSUPPORTED for a statement that cannot be run here */
  check({ kind, objects }: Statement, { sql, database: inUse }: Query): void {
    const { source, target } = this.#names;
    const text = sql.toString('utf8').slice(0, 200);
    const isOther = (name: string) => name.toLowerCase() !== source.toLowerCase();
    if (kind === 'database' && /^\s*drop/i.test(text))
      throw unsupported(
        `the database itself was dropped (${text})`,
        'Restore to a moment before, or from a later backup.',
      );
    const other =
      kind === 'database' ? undefined : objects.find(({ database }) => isOther(database ?? inUse));
    if (other)
      throw unsupported(
        `a statement is about another database too, ${other.database ?? inUse}, which is not restored (${text})`,
        'Restore to a moment before, or from a later backup.',
      );
    if (source !== target) renameIn(sql, source, target);
  }

  /** @throws E_SOURCE_*, also if the statement fails here and did not at the source */
  async run(query: Query, event: LogEvent, signal: AbortSignal): Promise<void> {
    await this.#session.query(contextSql(query.status, event.timestamp), signal);
    const { source, target } = this.#names;
    const sql = source === target ? query.sql : renameIn(query.sql, source, target);
    await runBytes(this.#session, sql, signal);
    this.#loose = await looseTables(this.#session, signal);
  }
}

function unsupported(what: string, hint: string): HoldfastError {
  return new HoldfastError('E_SOURCE_UNSUPPORTED', `changes cannot be applied any further: ${what}`, {
    hint,
  });
}
