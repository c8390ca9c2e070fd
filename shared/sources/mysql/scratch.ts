import { throwIfAborted } from '../../core/abort.ts';
import { isHoldfastError } from '../../core/errors.ts';
import { MINUTE_MS } from '../../core/units.ts';
import type { ReplayOptions } from '../changes.ts';
import type { BackupContents } from '../contents.ts';
import {
  isScratchName,
  markText,
  type SchemaComparison,
  type Scratch,
  type ScratchMark,
  type ScratchServer,
  scratchName,
} from '../scratch.ts';
import type { Session } from './connection/connection.ts';
import { isGranted, readGrants } from './connection/grants.ts';
import { ignoresCase } from './connection/names-case.ts';
import {
  type AdapterOptions,
  type Environment,
  type MysqlOptions,
  mysqlName,
  parseMysqlOptions,
} from './connection/options.ts';
import { serverTitle } from './connection/server-title.ts';
import { openSession } from './connection/session-settings.ts';
import { listTables } from './datasets/tables.ts';
import { checkDefiners } from './restore/definers.ts';
import { definersOf } from './restore/schema.ts';
import { readSchema } from './schema/read.ts';
import { readStoredSchema } from './schema/stored.ts';
import { compareSchemas } from './scratch/compare.ts';
import { dropLeftovers, holdLock, keepSql, markSql } from './scratch/leftovers.ts';
import { MysqlTarget } from './target.ts';
import { quoteName, quoteText } from './text/identifiers.ts';

/** For making an empty database, and for dropping it again. */
const MOST_MS = 2 * MINUTE_MS;

/** @throws E_CONFIG listing every problem */
export function openMysqlScratch(url: string, options: AdapterOptions, env: Environment): MysqlScratchServer {
  return new MysqlScratchServer(parseMysqlOptions(url, options, env));
}

type MakeOptions = Parameters<ScratchServer['make']>[2];

/** A server where drills make databases of their own. */
export class MysqlScratchServer implements ScratchServer {
  readonly kind = 'mysql';
  readonly name: string;
  readonly sharedWarning =
    'the drill runs on the server of the source itself: it puts load on it, and finds its users';
  readonly #options: MysqlOptions;

  constructor(options: MysqlOptions) {
    this.#options = { ...options, database: undefined };
    this.name = mysqlName(this.#options);
  }

  isServerOf(source: string): boolean {
    const place = (name: string) => name.slice(0, name.lastIndexOf('/'));
    return place(source) === place(this.name);
  }

  async inTheWayOf(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const session = await openSession(this.#options, signal);
    try {
      const found = await session.query(
        `SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = ${quoteText(name)}`,
        signal,
      );
      const grants = await readGrants(session, name, signal);
      return [
        ...(found.length > 0 ? [`DATABASE ${name}`] : []),
        ...(isGranted(grants, 'CREATE') ? [] : [`the user may not create the database ${name}`]),
      ];
    } finally {
      await session.close();
    }
  }

  async make(
    contents: BackupContents,
    mark: ScratchMark,
    { onWarning, signal }: MakeOptions,
  ): Promise<Scratch> {
    const session = await openSession(this.#options, signal, { use: 'write' });
    const scratch = new MysqlScratch(this.#options, session, scratchName(mark));
    try {
      await holdLock(session, mark.run, signal);
      await dropLeftovers(session, mark, { onWarning, signal });
      await scratch.create(contents, mark, signal);
      return scratch;
    } catch (error) {
      await scratch.close();
      throw error;
    }
  }
}

/** A database that a drill made. */
class MysqlScratch implements Scratch {
  readonly name: string;
  readonly removal: string;
  readonly target: MysqlTarget;
  server = '';
  restoreOptions: Scratch['restoreOptions'] = {};
  leftOut: readonly string[] = [];
  readonly #database: string;
  readonly #admin: MysqlOptions;
  readonly #options: MysqlOptions;
  readonly #session: Session;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(admin: MysqlOptions, session: Session, database: string) {
    this.#admin = admin;
    this.#options = { ...admin, database };
    this.#database = database;
    this.#session = session;
    const ping = () => void session.query('SELECT 1', AbortSignal.timeout(MOST_MS)).catch(() => undefined);
    this.#keepAlive = setInterval(ping, MINUTE_MS).unref();
    this.name = mysqlName(this.#options);
    this.target = new MysqlTarget(this.#options, { isEventsOff: true });
    this.removal = `DROP DATABASE ${quoteName(database)}`;
  }

  /** @throws E_SOURCE_*; the database is gone then */
  async create(contents: BackupContents, mark: ScratchMark, signal: AbortSignal): Promise<void> {
    this.server = await serverTitle(this.#session, signal);
    const stored = await readStoredSchema(contents, signal);
    const { why } = await checkDefiners(
      this.#session,
      definersOf(stored),
      { database: this.#database },
      signal,
    );
    const events = stored.filter(({ type }) => type === 'event').map(({ name }) => name);
    this.restoreOptions = { noOwner: why !== undefined };
    this.leftOut = [
      ...(why === undefined ? [] : [`definers: ${why}`]),
      ...(events.length === 0 ? [] : [`events are there and turned off: ${events.join(', ')}`]),
    ];
    // Not stopped half way: a database without a mark would be nobody's.
    const bounded = AbortSignal.timeout(MOST_MS);
    throwIfAborted(signal);
    await this.#session.query(`CREATE DATABASE ${quoteName(this.#database)}`, bounded, {
      object: `the database ${this.#database}`,
    });
    try {
      await this.#session.query(markSql(this.#database, markText(mark)), bounded);
    } catch (error) {
      await this.remove(AbortSignal.timeout(MOST_MS)).catch(() => {});
      throw error;
    }
  }

  async openReplay(replay: ReplayOptions) {
    return (await import('./changes/replay.ts')).replayAt(this.#options, replay);
  }

  async compareSchema(contents: BackupContents, signal: AbortSignal): Promise<SchemaComparison> {
    const session = await openSession(this.#options, signal);
    try {
      const tables = await listTables(session, signal);
      const found = await readSchema(
        session,
        tables.map(({ name }) => name),
        signal,
      );
      return compareSchemas(
        { objects: await readStoredSchema(contents, signal), server: contents.server },
        { objects: found, server: this.server },
        {
          withoutDefiners: this.restoreOptions.noOwner === true,
          database: this.#database,
          isCaseless: await ignoresCase(session, signal),
        },
      );
    } finally {
      await session.close();
    }
  }

  async remove(signal: AbortSignal): Promise<void> {
    await this.#administer(`DROP DATABASE IF EXISTS ${quoteName(this.#database)}`, signal);
  }

  async keep(signal: AbortSignal): Promise<void> {
    await this.#administer(keepSql(this.#database, !isScratchName(this.#database)), signal);
  }

  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    await this.#session.close();
  }

  /** On a new session if the drill's own is broken. */
  async #administer(sql: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#session.query(sql, signal);
    } catch (error) {
      if (!isHoldfastError(error, 'E_SOURCE_LOST')) throw error;
      const session = await openSession(this.#admin, signal, { use: 'write' });
      try {
        await session.query(sql, signal);
      } finally {
        await session.close();
      }
    }
  }
}
