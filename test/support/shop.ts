import type { PostgresServer } from '../../tools/embedded-postgres.ts';

/** A small shop: tables that refer to each other, a view, texts of other scripts, times, money. */
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
  select 'Kundin Ö' || i, 'c' || i || '@shop.example', timestamptz '2025-01-01' + i * interval '7 hours'
  from generate_series(1, 120) i;
insert into products (name, price, tags)
  select 'Thing ' || i, 1 + i * 0.37, array['t' || i % 7, '日本']
  from generate_series(1, 60) i;
insert into orders (customer, placed, note)
  select 1 + i % 120, timestamptz '2025-02-01' + i * interval '3 hours', case when i % 5 = 0 then 'gift' end
  from generate_series(1, 400) i;
insert into order_lines select o, 1 + (o * 7 + n * 11) % 60, n from generate_series(1, 400) o, generate_series(1, 2) n;
insert into visits select i, timestamptz '2025-01-01' + i * interval '11 minutes', '/p/' || md5(i::text)
  from generate_series(1, 900) i;
`;

/** @returns its connection string */
export async function createShop(server: PostgresServer, name: string): Promise<string> {
  const url = await server.createDatabase(name);
  await server.query(name, SHOP);
  return url;
}
