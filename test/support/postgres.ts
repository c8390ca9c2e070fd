import {
  type PostgresCluster,
  type PostgresServer,
  type PostgresServerOptions,
  startPostgres,
} from '../../tools/embedded-postgres.ts';
import { POSTGRES_15_BIN } from './run/part-places.ts';
import { sharedPart } from './run/shared-part.ts';

/** Versions that tests run against: of npm, and of Debian, whose native pg_dump is a judge. */
export type PostgresVersion = 15 | 18;

/** A server of a file's own: for what is true of a server rather than of a database (roles, settings, what others left behind). */
export async function ownPostgres(
  version: PostgresVersion,
  options: Omit<PostgresServerOptions, 'bin' | 'cluster'> = {},
): Promise<PostgresServer> {
  const cluster = await sharedPart<PostgresCluster>(`cluster-${version}`);
  return startPostgres({ ...options, ...(version === 15 ? { bin: POSTGRES_15_BIN } : {}), cluster });
}
