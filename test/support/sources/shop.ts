import type { PostgresServer } from '../../../tools/embedded-postgres.ts';

/** Days that the shop has been open. Nothing in it is older. */
export const SHOP_DAYS = 400;

/** A small shop: tables that refer to each other, a view, texts of other scripts, times, money. Rows lie in the order of their times. */
const SHOP = `
create table customers (
  id integer generated always as identity primary key,
  name text not null, email text unique not null, joined timestamptz not null);
create table products (
  id integer generated always as identity primary key,
  name text not null, price numeric(10, 2) not null check (price > 0), tags text[] not null);
create table orders (
  id integer generated always as identity primary key,
  customer integer not null references customers, placed timestamptz not null, note text);
create table order_lines (
  order_id integer not null references orders, product integer not null references products,
  count integer not null, primary key (order_id, product));
create table visits (id bigint primary key, at timestamptz not null, path text not null);
create view open_orders as select * from orders where note is null;
insert into customers (name, email, joined)
  select 'Kundin Ö' || i, 'c' || i || '@shop.example', opened + (i - 1) * interval '3 days 7 hours'
  from generate_series(1, 120) i, opening order by i;
insert into products (name, price, tags)
  select 'Thing ' || i, 1 + i * 0.37, array['t' || i % 7, '日本']
  from generate_series(1, 60) i order by i;
insert into orders (customer, placed, note)
  select 1 + i * 7 % (select count(*)::int from customers where joined <= at), at, case when i % 5 = 0 then 'gift' end
  from (select i, opened + i * interval '23 hours 30 minutes' as at from generate_series(1, 400) i, opening) p order by i;
insert into order_lines select o, 1 + (o * 7 + n * 11) % 60, n
  from generate_series(1, 400) o, generate_series(1, 2) n order by o, n;
insert into visits select i, opened + i * (interval '390 days' / VISITS), '/p/' || md5(i::text)
  from generate_series(1, VISITS) i, opening order by i;
`;

/** Rows that each table had by then, by their own times: what refers to another row came after it. */
const COUNTS = `select
  (select count(*)::int from customers where joined <= at) as "public.customers",
  (select count(*)::int from orders where placed <= at) as "public.orders",
  (select count(*)::int from order_lines join orders on id = order_id where placed <= at) as "public.order_lines",
  (select count(*)::int from visits v where v.at <= moment.at) as "public.visits"
  from moment order by at`;

/** Visits of a shop that is to be small. */
const FEW_VISITS = 900;

export interface ShopOptions {
  /** 400 days after the shop was opened. @default as it is */
  readonly now?: Date;
  readonly visits?: number;
}

/** @returns its connection string */
export async function createShop(
  server: PostgresServer,
  name: string,
  { now = new Date(), visits = FEW_VISITS }: ShopOptions = {},
): Promise<string> {
  const url = await server.createDatabase(name);
  const opened = `timestamptz '${now.toISOString()}' - interval '${SHOP_DAYS} days'`;
  await server.query(
    name,
    `create temp table opening as select ${opened} as opened; ${SHOP.replaceAll('VISITS', String(visits))} drop table opening;`,
  );
  return url;
}

/** Rows that the tables of a shop had at each of these moments, oldest first. */
export async function rowsThen(
  server: PostgresServer,
  shop: string,
  moments: readonly Date[],
): Promise<readonly Readonly<Record<string, number>>[]> {
  const values = moments.map((at) => `(timestamptz '${at.toISOString()}')`).join(', ');
  const { rows } = await server.query(shop, `with moment (at) as (values ${values}) ${COUNTS}`);
  return rows;
}
