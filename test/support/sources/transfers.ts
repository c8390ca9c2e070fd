import pg from 'pg';

const ACCOUNTS = 40_000;
const OPENING = 100;

/** SQL of a table of accounts, about `mebibytes` large, and of one that says what its balances sum up to. */
export function accountsSql(mebibytes: number): string {
  const filler = Math.max(1, Math.round((mebibytes * 2 ** 20) / ACCOUNTS) - 60);
  // Random, so that it does not compress to nothing.
  const text = `(SELECT string_agg(md5((id * 1000 + i)::text), '') FROM generate_series(1, ${Math.ceil(filler / 32)}) i)`;
  return `CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, filler text NOT NULL);
    ALTER TABLE accounts ALTER filler SET STORAGE plain;
    INSERT INTO accounts SELECT id, ${OPENING}, ${text} FROM generate_series(1, ${ACCOUNTS}) id;
    CREATE TABLE totals (name text PRIMARY KEY, value bigint);
    INSERT INTO totals VALUES ('money', ${ACCOUNTS * OPENING});
    ANALYZE`;
}

/** Moves money between accounts, far apart, until it is stopped; each transfer is one transaction. */
export async function transferMoney(url: string): Promise<{ stop(): Promise<number> }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  let isStopped = false;
  let count = 0;
  const work = (async () => {
    while (!isStopped) {
      const from = 1 + Math.floor(Math.random() * ACCOUNTS);
      const to = 1 + ((from + ACCOUNTS / 2) % ACCOUNTS);
      await client.query('BEGIN');
      await client.query('UPDATE accounts SET balance = balance - 7 WHERE id = $1', [from]);
      await client.query('UPDATE accounts SET balance = balance + 7 WHERE id = $1', [to]);
      await client.query('COMMIT');
      count++;
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await work;
      await client.end();
      return count;
    },
  };
}

export const MONEY_SQL = `SELECT sum(balance) AS sum, (SELECT value FROM totals) AS total, count(*) AS accounts,
  count(*) FILTER (WHERE balance <> ${OPENING}) AS moved FROM accounts`;
