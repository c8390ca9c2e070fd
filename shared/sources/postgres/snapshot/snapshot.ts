import type pg from 'pg';
import { abortedError, throwIfAborted } from '../../../core/abort.ts';
import type { JsonObject } from '../../../core/json.ts';
import { MINUTE_MS } from '../../../core/units.ts';
import { disconnect, query, serverName } from '../connection/connection.ts';
import type { PostgresOptions } from '../connection/options.ts';
import { CALENDAR } from '../connection/session-settings.ts';
import { toSourceError } from '../errors.ts';
import { checkEnumsStood } from './changes.ts';
import { checkVersion, openSession, type ServerVersion } from './session.ts';

/**
 * The transaction that keeps one exported snapshot, and the locks on the tables, for as long as a backup
 * reads. What was read is right only if this was alive to the end of the read: see `check`.
 */
export class Snapshot implements AsyncDisposable {
  /** For SET TRANSACTION SNAPSHOT and `pg_dump --snapshot`. */
  readonly id: string;
  readonly version: ServerVersion;
  /** Such as `PostgreSQL 18.4`. */
  readonly server: string;
  /** The write-ahead log's position just before the snapshot, or the snapshot's transaction number. */
  readonly position: string;
  readonly standby: boolean;
  /** What `CALENDAR` names, as sessions of this login have it by themselves. */
  readonly calendar: JsonObject;
  readonly client: pg.Client;
  readonly #keepAlive: NodeJS.Timeout;
  #pinging: Promise<unknown> | undefined;

  private constructor(client: pg.Client, about: About, id: string) {
    this.client = client;
    this.id = id;
    this.version = about.version;
    this.server = `PostgreSQL ${about.shown}`;
    this.position = about.position;
    this.standby = about.standby;
    this.calendar = about.calendar;
    // Firewalls and load balancers forget connections that say nothing; TCP keepalive does not cross all of them.
    this.#keepAlive = setInterval(() => this.#ping().catch(() => undefined), MINUTE_MS).unref();
  }

  /** @throws E_SOURCE_*, E_ABORTED */
  static async take(options: PostgresOptions, signal: AbortSignal): Promise<Snapshot> {
    const client = await openSession(options, signal);
    try {
      const about = await readAbout(client, signal);
      checkVersion(about.version, about.shown);
      await query(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY', signal);
      const [row] = await query<{ id: string }>(
        client,
        'SELECT pg_catalog.pg_export_snapshot() AS id',
        signal,
      );
      return new Snapshot(client, about, row?.id ?? '');
    } catch (error) {
      await disconnect(client);
      throw error;
    }
  }

  /**
   * Asks the server whether the transaction still stands. Stopping the wait leaves the transaction alone.
   *
   * @throws E_SOURCE_LOST, E_ABORTED
   */
  async check(signal: AbortSignal): Promise<void> {
    throwIfAborted(signal);
    const { promise: aborted, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(abortedError(signal));
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#ping(), aborted]);
    } catch (error) {
      throw toSourceError(error, { server: serverName(this.client), phase: 'query', object: 'the snapshot' });
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** @throws E_SOURCE_CHANGED if values of enums were renamed since */
  async checkEnums(signal: AbortSignal): Promise<void> {
    await checkEnumsStood(this.client, signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#keepAlive);
    await disconnect(this.client);
  }

  #ping(): Promise<unknown> {
    this.#pinging ??= this.client.query('SELECT 1').finally(() => {
      this.#pinging = undefined;
    });
    return this.#pinging;
  }
}

interface About {
  readonly version: ServerVersion;
  readonly shown: string;
  readonly position: string;
  readonly standby: boolean;
  readonly calendar: JsonObject;
}

interface AboutRow extends pg.QueryResultRow {
  readonly version: string;
  readonly shown: string;
  readonly standby: boolean;
  readonly xmin: string;
  readonly calendar: JsonObject;
}

async function readAbout(client: pg.Client, signal: AbortSignal): Promise<About> {
  const [row] = await query<AboutRow>(
    client,
    `SELECT pg_catalog.current_setting('server_version_num') AS version,
            pg_catalog.current_setting('server_version') AS shown,
            pg_catalog.pg_is_in_recovery() AS standby,
            pg_catalog.txid_snapshot_xmin(pg_catalog.txid_current_snapshot())::text AS xmin,
            (SELECT json_object_agg(s.name, s.reset_val ORDER BY s.name)
               FROM pg_catalog.pg_settings s WHERE s.name = ANY ($1)) AS calendar`,
    signal,
    { values: [CALENDAR] },
  );
  const version = Number(row?.version);
  const standby = row?.standby === true;
  return {
    version,
    shown: row?.shown.split(' ')[0] ?? '',
    standby,
    calendar: row?.calendar ?? {},
    position: (await walPosition(client, version, standby)) ?? `transaction ${row?.xmin}`,
  };
}

/** Undefined if the service does not reveal it, like some managed ones. */
async function walPosition(
  client: pg.Client,
  version: ServerVersion,
  standby: boolean,
): Promise<string | undefined> {
  const names =
    version < 100_000
      ? ['pg_last_xlog_replay_location', 'pg_current_xlog_location']
      : ['pg_last_wal_replay_lsn', 'pg_current_wal_lsn'];
  try {
    const sql = `SELECT pg_catalog.${standby ? names[0] : names[1]}()::text AS lsn`;
    const { rows } = await client.query<{ lsn: string | null }>(sql);
    return rows[0]?.lsn ?? undefined;
  } catch {
    return undefined;
  }
}
