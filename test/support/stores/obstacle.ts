import pg from 'pg';
import type { PostgresServer } from '../../../tools/embedded-postgres.ts';

/** Something in a database by which a restore of the table `orders` comes to grief, until it is removed. */
export interface Obstacle extends AsyncDisposable {
  /** Waits until somebody stands before it, where it is one that waits. */
  met(): Promise<void>;
}

const LOCK = 4711;

/**
 * Makes an obstacle: rows of a new table `orders` are refused, or wait until they are stopped.
 *
 * @param how `refuses`: with an error of that table; `waits`: for a lock that is held until the obstacle goes
 */
export async function obstructOrders(
  server: PostgresServer,
  database: string,
  how: 'refuses' | 'waits',
): Promise<Obstacle> {
  const act =
    how === 'refuses'
      ? "raise exception 'no order may come in'"
      : `perform pg_catalog.pg_advisory_xact_lock_shared(${LOCK})`;
  await server.query(
    database,
    `create schema obstacle;
     create function obstacle.act() returns trigger language plpgsql as $$ begin ${act}; return new; end $$;
     create function obstacle.place() returns event_trigger language plpgsql as $$
     declare made record; begin
       for made in select * from pg_catalog.pg_event_trigger_ddl_commands() where object_identity = 'public.orders' loop
         create trigger obstacle before insert on public.orders for each row execute function obstacle.act();
       end loop;
     end $$;
     create event trigger obstacle on ddl_command_end when tag in ('CREATE TABLE') execute function obstacle.place()`,
  );
  const holder = new pg.Client({ connectionString: server.url(database) });
  await holder.connect();
  if (how === 'waits') await holder.query(`select pg_catalog.pg_advisory_lock(${LOCK})`);
  const waiting = `select 1 from pg_catalog.pg_locks where locktype = 'advisory' and objid = ${LOCK} and not granted`;
  return {
    met: async () => {
      while ((await holder.query(waiting)).rows.length === 0);
    },
    [Symbol.asyncDispose]: async () => {
      await holder.end();
      await server.query(database, 'drop event trigger obstacle; drop schema obstacle cascade');
    },
  };
}
