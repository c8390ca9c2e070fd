import pg from 'pg';
import { seededRandom } from '../../../../support/repository/rows.ts';
import { Hand, KEYS, LOCKING, type Op, STATEMENTS } from './statements.ts';

/** What one transaction did, as its client saw it. */
interface Recorded {
  readonly xid: string;
  readonly ops: readonly Op[];
}

/** A transaction that counts, with the server's time of its commit. */
export interface Committed extends Recorded {
  /** ISO in UTC with microseconds. */
  readonly at: string;
}

const TABLES = Object.keys(KEYS);

/** Writes at random, and keeps its own log of what it committed. */
export class Recorder {
  readonly #url: string;
  readonly #recorded: Recorded[] = [];
  #isStopping = false;
  #running: Promise<void>[] = [];
  /** No statement locks a table against readers, while a backup locks its tables. */
  isGentle = false;
  /** Transactions that were ended, whatever their end. */
  ended = 0;

  constructor(url: string) {
    this.#url = url;
  }

  /** Records what is there before anybody writes. */
  async begin(): Promise<void> {
    const client = await connect(this.#url);
    for (const table of TABLES) {
      const { rows } = await client.query(rowsSql(table));
      this.#recorded.push({ xid: '', ops: rows.map(({ key, row }) => ({ kind: 'put', table, key, row })) });
    }
    await client.end();
  }

  start(writers: number, seed: number): void {
    this.#isStopping = false;
    for (let i = 0; i < writers; i++) this.#running.push(this.#write(seededRandom(seed * 100 + i), i));
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await Promise.all(this.#running);
    this.#running = [];
  }

  /** Resolves when so many more transactions have ended. */
  async more(count: number): Promise<void> {
    const wanted = this.ended + count;
    while (this.ended < wanted && !this.#isStopping) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** All that the server says was committed, in the order of its times. */
  async committed(): Promise<readonly Committed[]> {
    const client = await connect(this.#url);
    const found: Committed[] = [];
    for (const one of this.#recorded) {
      if (one.xid === '') {
        found.push({ ...one, at: '' });
        continue;
      }
      const { rows } = await client.query(
        `select to_char(pg_xact_commit_timestamp(($1::xid8)::xid) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
        [one.xid],
      );
      if (rows[0].at !== null) found.push({ ...one, at: rows[0].at });
    }
    await client.end();
    return found.toSorted((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  }

  async #write(random: () => number, writer: number): Promise<void> {
    let client: pg.Client | undefined;
    while (!this.#isStopping) {
      try {
        client ??= await connect(this.#url);
        await this.#transaction(client, random, writer);
      } catch {
        // Deadlocks, and servers that crash: what counts is what the server says of the transaction afterwards.
        await client?.query('rollback').catch(() => {
          client = undefined;
        });
      }
      this.ended++;
      // Others need the machine too.
      await new Promise((resolve) => setTimeout(resolve, random() * 20));
    }
    await client?.end().catch(() => undefined);
  }

  async #transaction(client: pg.Client, random: () => number, writer: number): Promise<void> {
    await client.query('begin');
    const { rows } = await client.query('select pg_current_xact_id()::text as xid');
    const { xid } = rows[0];
    const hand = new Hand(client, random, writer);
    for (let i = 0; i < 1 + random() * 4; i++) {
      if (random() < 0.3) await this.#nested(hand);
      else await this.#change(hand);
    }
    const end = random();
    if (end < 0.1) {
      await client.query('rollback');
      return;
    }
    // Before the end: whether it was committed is asked of the server.
    this.#recorded.push({ xid, ops: hand.ops });
    if (end < 0.2) {
      const name = `p${xid}`;
      await client.query(`prepare transaction '${name}'`);
      if (random() < 0.5) await new Promise((resolve) => setTimeout(resolve, random() * 30));
      await client.query(random() < 0.2 ? `rollback prepared '${name}'` : `commit prepared '${name}'`);
    } else await client.query('commit');
  }

  /** In a savepoint, which is kept or not. */
  async #nested(hand: Hand): Promise<void> {
    const before = hand.ops.length;
    await hand.client.query('savepoint s');
    await this.#change(hand);
    if (hand.random() < 0.5) {
      await hand.client.query('rollback to s');
      hand.ops.length = before;
    }
    await hand.client.query('release s');
  }

  async #change(hand: Hand): Promise<void> {
    if (!this.isGentle && hand.random() < 0.01) {
      await LOCKING[hand.some(LOCKING.length)]?.(hand);
      return;
    }
    let at = hand.random() * STATEMENTS.reduce((sum, { weight }) => sum + weight, 0);
    await STATEMENTS.find(({ weight }) => {
      at -= weight;
      return at < 0;
    })?.run(hand);
  }
}

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query("set timezone = 'UTC'");
  return client;
}

function rowsSql(table: string): string {
  return `select ${KEYS[table]} as key, to_jsonb(t)::text as row from ${table} t`;
}

/** What the database held when all transactions up to `at` had ended, by the client's own log. */
export function expectedAt(
  committed: readonly Committed[],
  at: string | undefined,
): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const tables = new Map(TABLES.map((table) => [table, new Map<string, string>()]));
  for (const { ops, at: then } of committed) {
    if (at !== undefined && then > at) break;
    for (const op of ops) {
      const rows = tables.get(op.table);
      if (op.kind === 'put') rows?.set(op.key, op.row);
      else if (op.kind === 'remove') rows?.delete(op.key);
      else rows?.clear();
    }
  }
  return tables;
}

/** Rows that a database has and should not, or lacks, by table: the database itself compares. */
export async function differences(
  url: string,
  expected: ReadonlyMap<string, ReadonlyMap<string, string>>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const client = await connect(url);
  const found: Record<string, readonly string[]> = {};
  for (const [table, rows] of expected) {
    await client.query('create temp table wanted (row jsonb)');
    await client.query('insert into wanted select jsonb_strip_nulls(r::jsonb) from unnest($1::text[]) r', [
      [...rows.values()],
    ]);
    const { rows: wrong } = await client.query(
      `(select 'too many: ' || left(x::text, 200) as what from (select jsonb_strip_nulls(to_jsonb(t)) x from ${table} t except all select row from wanted) a)
       union all
       (select 'missing: ' || left(row::text, 200) from (select row from wanted except all select jsonb_strip_nulls(to_jsonb(t)) from ${table} t) b)`,
    );
    if (wrong.length > 0) found[table] = wrong.slice(0, 5).map(({ what }) => what);
    await client.query('drop table wanted');
  }
  await client.end();
  return found;
}
