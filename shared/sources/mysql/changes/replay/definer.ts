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

export interface DefinerSessions {
  readonly session: Session;
  readonly looking: Session;
}

/** Statements of the log that make, alter or drop what a database holds, run in a session of their own. */
export class Definer {
  /** Takes on the settings of each statement; another one looks. */
  readonly #session: Session;
  readonly #looking: Session;
  readonly #names: Names;
  #charsets: ReadonlyMap<string, string> | undefined;
  #loose: ReadonlyMap<string, string>;

  private constructor(
    { session, looking }: DefinerSessions,
    names: Names,
    loose: ReadonlyMap<string, string>,
  ) {
    this.#session = session;
    this.#looking = looking;
    this.#names = names;
    this.#loose = loose;
  }

  static async open(sessions: DefinerSessions, names: Names, signal: AbortSignal): Promise<Definer> {
    return new Definer(sessions, names, await looseTables(sessions.looking, signal));
  }

  /** The engine of a table without snapshots, whose rows are left as they are. */
  looseEngine(table: string): string | undefined {
    return this.#loose.get(table);
  }

  /** Of all that the target holds. It changes with each statement that does something, save a few that swap equals. */
  async fingerprint(signal: AbortSignal): Promise<string> {
    const tables = (await listTables(this.#looking, signal)).map(({ name }) => name);
    const objects = await readSchema(this.#looking, tables, signal);
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
        'Restore to an earlier moment, or from a later backup.',
      );
    const other =
      kind === 'database' ? undefined : objects.find(({ database }) => isOther(database ?? inUse));
    if (other)
      throw unsupported(
        `a statement also touches another database, ${other.database ?? inUse}, which is not restored (${text})`,
        'Restore to an earlier moment, or from a later backup.',
      );
    if (source !== target) renameIn(sql, source, target);
  }

  /** @throws E_SOURCE_*, also if the statement fails here and did not at the source */
  async run(query: Query, event: LogEvent, signal: AbortSignal): Promise<void> {
    const { status } = query;
    const { timestamp } = event;
    const isKnown = (name: string) => this.#session.isMariaDb || !MARIADB_ONLY.has(name);
    this.#charsets ??= await readCharsets(this.#looking, signal);
    const known = { isKnown, charsets: this.#charsets };
    await this.#session.query(contextSql({ status, timestamp }, known), signal);
    const { source, target } = this.#names;
    const sql = source === target ? query.sql : renameIn(query.sql, source, target);
    await runBytes(this.#session, sql, signal);
    this.#loose = await looseTables(this.#looking, signal);
  }
}

async function readCharsets(session: Session, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const rows = await session.query<{ id: string | null; charset: string | null }>(
    'SELECT ID AS id, CHARACTER_SET_NAME AS charset FROM information_schema.COLLATIONS',
    signal,
  );
  return new Map(rows.flatMap(({ id, charset }) => (id && charset ? [[id, charset]] : [])));
}

const MARIADB_ONLY: ReadonlySet<string> = new Set([
  'check_constraint_checks',
  'system_versioning_insert_history',
]);

function unsupported(what: string, hint: string): HoldfastError {
  return new HoldfastError('E_SOURCE_UNSUPPORTED', `changes cannot be applied any further: ${what}`, {
    hint,
  });
}
