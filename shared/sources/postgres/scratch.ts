import type pg from 'pg';
import { throwIfAborted } from '../../core/abort.ts';
import { HoldfastError, isHoldfastError } from '../../core/errors.ts';
import { MINUTE_MS } from '../../core/units.ts';
import { decodeText } from '../byte-text.ts';
import type { ReplayOptions } from '../changes.ts';
import type { BackupContents } from '../contents.ts';
import {
  markText,
  type SchemaComparison,
  type Scratch,
  type ScratchMark,
  type ScratchServer,
  scratchName,
} from '../scratch.ts';
import { disconnect, query } from './connection/connection.ts';
import {
  type AdapterOptions,
  type Environment,
  type PostgresOptions,
  parsePostgresOptions,
  postgresName,
} from './connection/options.ts';
import { parseToc } from './pg-dump/toc.ts';
import { findMissingTablespaces } from './restore/schema.ts';
import { readScript } from './restore/text.ts';
import { checkRoles, listRoles } from './roles/restore-roles.ts';
import { createDatabase, databaseClauses } from './scratch/create.ts';
import { dropDatabase } from './scratch/drop.ts';
import { dropLeftovers, holdLock } from './scratch/leftovers.ts';
import { compareSchemas, type SchemaCompareOptions } from './scratch/schema.ts';
import { openSession } from './snapshot/session.ts';
import { PostgresSource } from './source.ts';
import { PostgresTarget } from './target.ts';
import { quoteIdent, quoteLiteral } from './text/identifiers.ts';

/** The database that a server always has, if the connection string names none. */
const MAINTENANCE = 'postgres';
const MOST_NAMED = 8;
/** For making an empty database, and for dropping it again. */
const MOST_MS = 2 * MINUTE_MS;

/** @throws E_CONFIG listing every problem */
export function openPostgresScratch(
  url: string,
  options: AdapterOptions,
  env: Environment,
): PostgresScratchServer {
  // PGDATABASE is for the database that is backed up.
  return new PostgresScratchServer(parsePostgresOptions(url, options, { ...env, PGDATABASE: MAINTENANCE }));
}

type MakeOptions = Parameters<ScratchServer['make']>[2];

/** A PostgreSQL server on which drills make databases of their own. */
export class PostgresScratchServer implements ScratchServer {
  readonly kind = 'postgres';
  readonly name: string;
  readonly sharedWarning =
    'the drill runs on the server of the source itself: it puts load on it, and finds its roles and extensions';
  readonly #options: PostgresOptions;

  constructor(options: PostgresOptions) {
    // What is written is written into a database of the drill's own.
    this.#options = { ...options, settings: { default_transaction_read_only: 'off' } };
    this.name = postgresName(options);
  }

  isServerOf(source: string): boolean {
    const place = (name: string) => name.slice(0, name.lastIndexOf('/'));
    return place(source) === place(this.name);
  }

  async inTheWayOf(name: string, signal: AbortSignal): Promise<readonly string[]> {
    const client = await openSession(this.#options, signal);
    try {
      const [found] = await query<{ login: string; is_there: boolean; may: boolean }>(
        client,
        `SELECT current_user AS login, rolsuper OR rolcreatedb AS may,
                EXISTS (SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1) AS is_there
           FROM pg_catalog.pg_roles WHERE rolname = current_user`,
        signal,
        { values: [name] },
      );
      return [
        ...(found?.is_there ? [`DATABASE ${name}`] : []),
        ...(found?.may ? [] : [`the login ${found?.login} may not make databases (CREATEDB)`]),
      ];
    } finally {
      await disconnect(client);
    }
  }

  async make(contents: BackupContents, mark: ScratchMark, { onWarning, signal }: MakeOptions) {
    const client = await openSession(this.#options, signal);
    const keepAlive = setInterval(() => client.query('SELECT 1').catch(() => {}), MINUTE_MS).unref();
    const name = scratchName(mark);
    const kept = mark.name === undefined ? 'Holdfast drill, kept on request' : 'Restored by Holdfast';
    const scratch = new PostgresScratch(this.#options, { client, keepAlive, name, kept });
    try {
      await holdLock(client, mark.run, signal);
      await dropLeftovers(client, mark, { server: this.#options, onWarning, signal });
      await scratch.create(contents, mark, signal);
      return scratch;
    } catch (error) {
      await scratch.close();
      throw error;
    }
  }
}

interface About {
  readonly version: string;
  readonly login: string;
  readonly is_superuser: boolean;
}

/** A database that a drill made. */
class PostgresScratch implements Scratch {
  readonly name: string;
  readonly removal: string;
  server = '';
  restoreOptions: Scratch['restoreOptions'] = {};
  leftOut: readonly string[] = [];
  readonly target: PostgresTarget;
  readonly #database: string;
  /** What it is marked as that is kept. */
  readonly #kept: string;
  readonly #admin: PostgresOptions;
  readonly #options: PostgresOptions;
  readonly #client: pg.Client;
  readonly #keepAlive: NodeJS.Timeout;
  #leaves: SchemaCompareOptions = { withoutRoles: false, withoutTablespaces: false, leftOut: [] };

  constructor(
    admin: PostgresOptions,
    made: {
      readonly client: pg.Client;
      readonly keepAlive: NodeJS.Timeout;
      readonly name: string;
      readonly kept: string;
    },
  ) {
    this.#admin = admin;
    this.#options = { ...admin, database: made.name };
    this.#database = made.name;
    this.#kept = made.kept;
    this.#client = made.client;
    this.#keepAlive = made.keepAlive;
    this.name = postgresName(this.#options);
    this.target = new PostgresTarget(this.#options);
    this.removal = `DROP DATABASE ${quoteIdent(made.name)}`;
  }

  /** @throws E_SOURCE_*; the database is gone then */
  async create(contents: BackupContents, mark: ScratchMark, signal: AbortSignal): Promise<void> {
    const [about] = await query<{ [K in keyof About]: About[K] }>(
      this.#client,
      `SELECT pg_catalog.current_setting('server_version') AS version, current_user AS login,
              (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) AS is_superuser`,
      signal,
    );
    this.server = `PostgreSQL ${about?.version.split(' ')[0]}`;
    const left = await this.#chooseWhatToLeaveOut(contents, about, signal);
    const clauses = databaseClauses(await readScript(contents, 'database', signal));
    // Not stopped half way: a database without a mark would be nobody's.
    const bounded = AbortSignal.timeout(MOST_MS);
    throwIfAborted(signal);
    const locale = await createDatabase(this.#client, this.#database, clauses, bounded).catch(
      (error: unknown) => {
        throw withHint(error);
      },
    );
    this.leftOut = [...left, ...locale];
    try {
      await query(this.#client, this.#comment(markText(mark)), bounded);
      await this.#checkScratch(mark, signal);
    } catch (error) {
      await this.remove(AbortSignal.timeout(MOST_MS)).catch(() => {});
      throw error;
    }
  }

  async openReplay(replay: ReplayOptions) {
    return (await import('./changes/replay.ts')).replayAt(this.#options, replay);
  }

  async compareSchema(contents: BackupContents, signal: AbortSignal): Promise<SchemaComparison> {
    await using view = await new PostgresSource(this.#options).open(signal);
    const read = async (role: string): Promise<string> => {
      const blocks: Buffer[] = [];
      for (const dataset of view.datasets.filter(({ attributes }) => attributes['role'] === role)) {
        for (const partition of dataset.partitions)
          for await (const block of view.read(dataset, partition, signal)) blocks.push(Buffer.from(block));
      }
      return decodeText(Buffer.concat(blocks));
    };
    return compareSchemas(
      {
        preData: await readScript(contents, 'pre-data', signal),
        postData: await readScript(contents, 'post-data', signal),
        server: contents.server,
      },
      { preData: await read('pre-data'), postData: await read('post-data'), server: view.server },
      this.#leaves,
    );
  }

  /** On a new session if the drill's own is broken. */
  async remove(signal: AbortSignal): Promise<void> {
    await this.#administer(
      (client) => dropDatabase(client, this.#database, { server: this.#admin, force: true, signal }),
      signal,
    );
  }

  async keep(signal: AbortSignal): Promise<void> {
    const sql = this.#comment(this.#kept);
    await this.#administer((client) => query(client, sql, signal), signal);
  }

  async close(): Promise<void> {
    clearInterval(this.#keepAlive);
    await disconnect(this.#client);
  }

  async #administer(work: (client: pg.Client) => Promise<unknown>, signal: AbortSignal): Promise<void> {
    try {
      await work(this.#client);
    } catch (error) {
      if (!isHoldfastError(error, 'E_SOURCE_LOST')) throw error;
      const client = await openSession(this.#admin, signal);
      try {
        await work(client);
      } finally {
        await disconnect(client);
      }
    }
  }

  #comment(text: string): string {
    return `COMMENT ON DATABASE ${quoteIdent(this.#database)} IS ${quoteLiteral(text)}`;
  }

  /** A pooler may lead to another database than the one that was asked for. */
  async #checkScratch(mark: ScratchMark, signal: AbortSignal): Promise<void> {
    const client = await openSession(this.#options, signal);
    try {
      const [found] = await query<{ name: string; mark: string | null }>(
        client,
        `SELECT datname AS name, pg_catalog.shobj_description(oid, 'pg_database') AS mark
           FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()`,
        signal,
      );
      if (found?.name === this.#database && found.mark === markText(mark)) return;
      throw new HoldfastError(
        'E_SOURCE_UNSUPPORTED',
        `the connection to ${this.name} leads to the database ${found?.name ?? '?'}; nothing was written`,
        { hint: 'Connect the drill to the server itself, not through a pooler that maps databases.' },
      );
    } finally {
      await disconnect(client);
    }
  }

  /** A server made for drills has neither the roles nor the tablespaces of the one that was backed up. */
  async #chooseWhatToLeaveOut(
    contents: BackupContents,
    about: About | undefined,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const entries = [
      ...parseToc(await readScript(contents, 'pre-data', signal)).entries,
      ...parseToc(await readScript(contents, 'post-data', signal)).entries,
    ];
    const there = await listRoles(this.#client, signal);
    const roles = whyWithoutRoles(checkRoles(entries, there, {}).missing, about);
    const tablespaces = await findMissingTablespaces(this.#client, entries, signal);
    const withoutRoles = roles !== undefined;
    this.restoreOptions = { noOwner: withoutRoles, noPrivileges: withoutRoles };
    const { leftOut, warnings } = checkRoles(entries, there, this.restoreOptions);
    this.#leaves = { withoutRoles, withoutTablespaces: tablespaces.length > 0, leftOut };
    return [
      'settings of the database itself, and owner and privileges of the schema public',
      ...(roles === undefined ? [] : [`owners and privileges: ${roles}`]),
      ...warnings,
      ...(tablespaces.length === 0
        ? []
        : [`tablespaces ${named(tablespaces)}: the server has none of these`]),
    ];
  }
}

function whyWithoutRoles(missing: readonly string[], about: About | undefined): string | undefined {
  if (missing.length > 0) return `the server has no roles ${named(missing)}`;
  return about?.is_superuser === true ? undefined : `the login ${about?.login} is not a superuser`;
}

function named(names: readonly string[]): string {
  const more = names.length > MOST_NAMED ? ` and ${names.length - MOST_NAMED} more` : '';
  return names.slice(0, MOST_NAMED).join(', ') + more;
}

function withHint(error: unknown): unknown {
  if (!isHoldfastError(error, 'E_SOURCE_DENIED')) return error;
  return new HoldfastError(error.code, error.message, {
    cause: error,
    details: error.details,
    hint: 'A drill makes a database of its own: give its login CREATEDB on that server.',
  });
}
