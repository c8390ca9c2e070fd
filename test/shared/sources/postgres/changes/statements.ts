import type pg from 'pg';

/** What a transaction did to one row, or to a table. */
export type Op =
  | { readonly kind: 'put'; readonly table: string; readonly key: string; readonly row: string }
  | { readonly kind: 'remove'; readonly table: string; readonly key: string }
  | { readonly kind: 'truncate'; readonly table: string };

/** Text that finds a row in a writer's own log, by table. */
export const KEYS: Readonly<Record<string, string>> = {
  'shop.items': 'id::text',
  'shop.accounts': 'id::text',
  'shop."Odd Name"': '"the key" || \'/\' || k2',
  'shop.log': 'id::text',
  'shop.full': 'tag',
  'shop.parts': "day || '/' || id",
};

export const SCHEMA = `
  create schema shop;
  create type shop.mood as enum ('sad', 'glad');
  create domain shop.email as text check (value like '%@%');
  create table shop.items (id bigint generated always as identity primary key, name text not null, price numeric(12,2),
    body text, tags text[], doc jsonb, at timestamptz default now(), feeling shop.mood, mail shop.email, raw bytea, f8 float8,
    twice numeric generated always as (price * 2) stored);
  create table shop.accounts (id int primary key, balance numeric not null, code text unique);
  create table shop."Odd Name" ("the key" text, k2 int, "select" text, primary key ("the key", k2));
  create table shop.log (id bigserial primary key, item bigint, note text);
  create table shop.full (tag text, n int, body text);
  alter table shop.full replica identity full;
  create table shop.parts (day date, id int, note text, primary key (day, id)) partition by range (day);
  create table shop.parts_1 partition of shop.parts for values from ('2026-01-01') to ('2026-02-01');
  create table shop.parts_2 partition of shop.parts for values from ('2026-02-01') to ('2026-03-01');
  insert into shop.accounts select i, 1000, 'c' || i from generate_series(1, 20) i;`;

/** One writer in one transaction: runs statements, and notes what the server says they did. */
export class Hand {
  readonly ops: Op[] = [];
  readonly client: pg.Client;
  readonly random: () => number;
  readonly writer: number;

  constructor(client: pg.Client, random: () => number, writer: number) {
    this.client = client;
    this.random = random;
    this.writer = writer;
  }

  some(most: number): number {
    return Math.floor(this.random() * most);
  }

  text(characters: number): string {
    const words = Array.from({ length: Math.ceil(characters / 11) }, () =>
      this.random().toString(36).slice(2, 13),
    );
    return words.join('');
  }

  async put(table: string, sql: string, ...values: readonly unknown[]): Promise<void> {
    const { rows } = await this.client.query(
      `with done as (${sql} returning *) select ${KEYS[table]} as key, to_jsonb(t)::text as row from done t`,
      [...values],
    );
    for (const { key, row } of rows) this.ops.push({ kind: 'put', table, key, row });
  }

  async remove(table: string, sql: string, ...values: readonly unknown[]): Promise<void> {
    const { rows } = await this.client.query(
      `with done as (${sql} returning *) select ${KEYS[table]} as key from done t`,
      [...values],
    );
    for (const { key } of rows) this.ops.push({ kind: 'remove', table, key });
  }
}

/** What writers do, each as often as its weight says. */
export const STATEMENTS: readonly { readonly weight: number; readonly run: (hand: Hand) => Promise<void> }[] =
  [
    {
      weight: 25,
      run: (hand) =>
        hand.put(
          'shop.items',
          `insert into shop.items (name, price, body, tags, doc, feeling, mail, raw, f8)
         select $1 || i, (i * 1.37)::numeric(12,2), $2, array['a', 'b"\\c', null, $1],
                jsonb_build_object('k', $1::text, 'i', i), 'glad', 'a@b', decode(md5($1), 'hex'), 1 / (i + 3.0)
           from generate_series(1, $3::int) i`,
          `w${hand.writer} "q" \\ ☃ ${hand.some(999)}`,
          hand.random() < 0.3 ? hand.text(9000) : null,
          1 + hand.some(5),
        ),
    },
    {
      weight: 15,
      run: (hand) =>
        hand.put(
          'shop.items',
          "update shop.items set price = price + 1, feeling = 'sad' where id % 17 = $1",
          hand.some(17),
        ),
    },
    {
      weight: 7,
      run: (hand) =>
        hand.put(
          'shop.items',
          'update shop.items set body = $1 where id % 29 = $2',
          hand.text(12_000),
          hand.some(29),
        ),
    },
    {
      weight: 5,
      run: (hand) => hand.remove('shop.items', 'delete from shop.items where id % 31 = $1', hand.some(31)),
    },
    { weight: 13, run: transfer },
    { weight: 5, run: swap },
    {
      weight: 8,
      run: (hand) =>
        hand.put(
          'shop."Odd Name"',
          `insert into shop."Odd Name" values ($1, $2, $3)
         on conflict ("the key", k2) do update set "select" = excluded."select"`,
          `k${hand.some(40)}`,
          hand.some(3),
          hand.text(hand.random() < 0.3 ? 9000 : 20),
        ),
    },
    { weight: 6, run: rename },
    {
      weight: 8,
      run: (hand) =>
        hand.put(
          'shop.log',
          'insert into shop.log (item, note) select i, $1 from generate_series(1, $2::int) i',
          hand.text(30),
          1 + hand.some(20),
        ),
    },
    { weight: 4, run: wholeRows },
    { weight: 5, run: partitions },
  ];

/** Those that lock a table against readers. */
export const LOCKING = [
  async (hand: Hand) => {
    await hand.client.query('truncate shop.log');
    hand.ops.push({ kind: 'truncate', table: 'shop.log' });
  },
  async (hand: Hand) => {
    await hand.client.query("set local lock_timeout = '2s'");
    await hand.client.query(`alter table shop.items add column if not exists extra${hand.some(3)} int`);
  },
];

async function transfer(hand: Hand): Promise<void> {
  const [a, b] = [1 + hand.some(20), 1 + hand.some(20)].toSorted((x, y) => x - y);
  await hand.put(
    'shop.accounts',
    'update shop.accounts set balance = balance + $2 where id = $1',
    a,
    hand.some(9),
  );
  await hand.put(
    'shop.accounts',
    'update shop.accounts set balance = balance - $2 where id = $1',
    b,
    hand.some(9),
  );
}

/** Three statements leave two rows with each other's unique values. */
async function swap(hand: Hand): Promise<void> {
  const ids = [1 + hand.some(20), 1 + hand.some(20)].toSorted((x, y) => x - y);
  if (ids[0] === ids[1]) return;
  const { rows } = await hand.client.query(
    'select id, code from shop.accounts where id in ($1, $2) order by id for update',
    ids,
  );
  const set = 'update shop.accounts set code = $2 where id = $1';
  await hand.put('shop.accounts', set, ids[0], `tmp${ids[0]}-${hand.random()}`);
  await hand.put('shop.accounts', set, ids[1], rows[0]?.code);
  await hand.put('shop.accounts', set, ids[0], rows[1]?.code);
}

/** A key that changes: for the log a row goes and another comes. */
async function rename(hand: Hand): Promise<void> {
  const { rows } = await hand.client.query(
    'select "the key" as k, k2 from shop."Odd Name" where "the key" = $1 order by k2 limit 1 for update',
    [`k${hand.some(40)}`],
  );
  if (!rows[0]) return;
  hand.ops.push({ kind: 'remove', table: 'shop."Odd Name"', key: `${rows[0].k}/${rows[0].k2}` });
  await hand.put(
    'shop."Odd Name"',
    'update shop."Odd Name" set "the key" = $3 where "the key" = $1 and k2 = $2',
    rows[0].k,
    rows[0].k2,
    `new${hand.text(11)}`,
  );
}

async function wholeRows(hand: Hand): Promise<void> {
  const tag = `t${hand.writer}-${hand.text(22)}`;
  await hand.put(
    'shop.full',
    'insert into shop.full values ($1, 1, $2)',
    tag,
    hand.text(hand.random() < 0.5 ? 9000 : 1),
  );
  await hand.put('shop.full', 'update shop.full set n = n + 1 where tag like $1', `t${hand.writer}-%`);
  if (hand.random() < 0.4)
    await hand.remove('shop.full', 'delete from shop.full where tag like $1', `t${hand.writer}-%`);
}

async function partitions(hand: Hand): Promise<void> {
  const [day, id] = [`2026-0${1 + hand.some(2)}-0${1 + hand.some(9)}`, hand.some(30)];
  const put =
    'insert into shop.parts values ($1, $2, $3) on conflict (day, id) do update set note = excluded.note';
  await hand.put('shop.parts', put, day, id, hand.text(15));
  if (hand.random() < 0.7) return;
  await hand.remove('shop.parts', 'delete from shop.parts where day = $1 and id = $2', day, id);
  await hand.put('shop.parts', put, '2026-02-20', id, 'moved');
}
