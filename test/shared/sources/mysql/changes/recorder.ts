import { setTimeout as delay } from 'node:timers/promises';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { MariadbServer } from '../../../../../tools/mariadb-server.ts';
import { seededRandom } from '../../../../support/repository/rows.ts';

/** What one writer's rows are, by their id. */
export type Rows = ReadonlyMap<number, string>;

/** What a client knows of one transaction that it committed. */
export interface Commit {
  readonly writer: number;
  /** Counts from 1 for each writer. */
  readonly step: number;
  /** As the server told the session that committed; undefined if the connection broke before the answer. */
  readonly gtid: number | undefined;
  /** Of this machine, which the server runs on too. */
  readonly begunAt: number;
  readonly endedAt: number;
  /** All rows of the writer then. */
  readonly rows: Rows;
  /** How often its counters were raised then. */
  readonly raised: number;
}

const MANY = 40;

export const TABLES = `
  CREATE TABLE items (id INT PRIMARY KEY, owner INT NOT NULL, v LONGTEXT, KEY (owner)) ENGINE=InnoDB;
  CREATE TABLE counters (id INT PRIMARY KEY, n INT NOT NULL) ENGINE=InnoDB;
  CREATE TABLE steps (owner INT PRIMARY KEY, step INT NOT NULL, raised INT NOT NULL) ENGINE=InnoDB;
  CREATE TABLE emptied (id INT PRIMARY KEY AUTO_INCREMENT, note TEXT) ENGINE=InnoDB;
  INSERT INTO counters VALUES (0, 0), (1, 0), (2, 0)`;

/**
 * A client that changes its own rows in transactions of all kinds, and notes what it committed: from what it sent and what the
 * server answered, not from any log.
 */
export class Writer {
  readonly commits: Commit[] = [];
  readonly #server: MariadbServer;
  readonly #id: number;
  readonly #random: () => number;
  #rows = new Map<number, string>();
  #raised = 0;
  #next = 1;
  #client: Connection | undefined;

  constructor(server: MariadbServer, id: number, seed: number) {
    this.#server = server;
    this.#id = id;
    this.#random = seededRandom(seed * 100 + id);
  }

  /** Writes until it is told to stop. What breaks with the server is looked up when it is there again. */
  async run(isDone: () => boolean): Promise<void> {
    while (!isDone()) {
      try {
        this.#client ??= await this.#connect();
        await this.#transaction(this.#client);
      } catch (error) {
        if (!isConnectionGone(error)) throw error;
        this.#client?.destroy();
        this.#client = undefined;
        while (!isDone()) {
          await delay(20);
          if (
            await this.#look().then(
              () => true,
              () => false,
            )
          )
            break;
        }
      }
    }
    await this.#client?.end();
    this.#client = undefined;
  }

  async #connect(): Promise<Connection> {
    const client = await this.#server.connect('shop');
    await client.query(`INSERT IGNORE INTO steps VALUES (${this.#id}, 0, 0)`);
    return client;
  }

  #pending: Omit<Commit, 'gtid' | 'endedAt'> | undefined;

  async #transaction(client: Connection): Promise<void> {
    const rows = new Map(this.#rows);
    const kind = this.#random();
    const isXa = kind < 0.15;
    const step = this.commits.length + 1;
    const xid = `'w${this.#id}s${step}'`;
    await client.query(isXa ? `XA START ${xid}` : 'BEGIN');
    const changes = 1 + Math.floor(this.#random() * 6);
    for (let i = 0; i < changes; i++) await this.#change(client, rows);
    if (!isXa && this.#random() < 0.3) await this.#savepoint(client, rows);
    if (!isXa && this.#random() < 0.15) {
      await client.query('ROLLBACK');
      return;
    }
    const raised = this.#raised + 1;
    await client.query(`UPDATE counters SET n = n + 1 WHERE id = ${step % 3}`);
    await client.query(`UPDATE steps SET step = ${step}, raised = ${raised} WHERE owner = ${this.#id}`);
    if (isXa) await client.query(`XA END ${xid}; XA PREPARE ${xid}`);
    if (isXa && this.#random() < 0.2) {
      await client.query(`XA ROLLBACK ${xid}`);
      return;
    }
    this.#pending = { writer: this.#id, step, begunAt: Date.now(), rows, raised };
    await client.query(isXa ? `XA COMMIT ${xid}` : 'COMMIT');
    const endedAt = Date.now();
    this.#commit({ endedAt, gtid: await lastGtid(client) });
  }

  async #savepoint(client: Connection, rows: Map<number, string>): Promise<void> {
    await client.query('SAVEPOINT here');
    const before = new Map(rows);
    for (let i = 0; i < 3; i++) await this.#change(client, rows);
    if (this.#random() < 0.4) return;
    await client.query('ROLLBACK TO here');
    rows.clear();
    for (const [id, v] of before) rows.set(id, v);
  }

  #commit(end: Pick<Commit, 'gtid' | 'endedAt'>): void {
    if (!this.#pending) return;
    this.commits.push({ ...this.#pending, ...end });
    this.#rows = new Map(this.#pending.rows);
    this.#raised = this.#pending.raised;
    this.#pending = undefined;
  }

  /** Whether the last transaction was committed though no answer came. */
  async #look(): Promise<void> {
    const client = await this.#server.connect('shop');
    // What was prepared when the server crashed belongs to nobody any more.
    const [prepared] = await client.query<RowDataPacket[]>('XA RECOVER');
    for (const { data } of prepared)
      if (String(data).startsWith(`w${this.#id}s`)) await client.query(`XA ROLLBACK '${data}'`);
    const [rows] = await client.query<RowDataPacket[]>(`SELECT step FROM steps WHERE owner = ${this.#id}`);
    if (this.#pending && rows[0]?.['step'] === this.#pending.step)
      this.#commit({ endedAt: Date.now(), gtid: undefined });
    this.#pending = undefined;
    await client.end();
  }

  async #change(client: Connection, rows: Map<number, string>): Promise<void> {
    const ids = [...rows.keys()];
    const kind = this.#random();
    const id = ids[Math.floor(this.#random() * ids.length)];
    if (id !== undefined && kind < 0.25) {
      await client.query('DELETE FROM items WHERE id = ?', [id]);
      rows.delete(id);
    } else if (id !== undefined && kind < 0.6) {
      const v = this.#value();
      await client.query('UPDATE items SET v = ? WHERE id = ?', [v, id]);
      rows.set(id, v);
    } else {
      const fresh = this.#id * 1_000_000 + this.#next++;
      const v = this.#value();
      await client.query('INSERT INTO items VALUES (?, ?, ?)', [fresh, this.#id, v]);
      rows.set(fresh, v);
    }
  }

  #value(): string {
    const length = this.#random() < 0.03 ? 30_000 : Math.floor(this.#random() * MANY);
    return `é${'x'.repeat(length)}${Math.floor(this.#random() * 1e9)}`;
  }
}

export async function lastGtid(client: Connection): Promise<number> {
  const [rows] = await client.query<RowDataPacket[]>('SELECT @@last_gtid AS gtid');
  return Number(String(rows[0]?.['gtid']).split('-')[2]);
}

function isConnectionGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return (
    /^(PROTOCOL_CONNECTION_LOST|ECONN|EPIPE|ER_SERVER_SHUTDOWN|ER_CONNECTION_KILLED)/.test(code) ||
    /closed state/.test(String(error))
  );
}
