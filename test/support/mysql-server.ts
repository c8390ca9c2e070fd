import { describe } from 'vitest';
import { existingServer, type MariadbServer, startMariadb } from '../../tools/mariadb-server.ts';
import { describeWithPart, hasPart } from './parts.ts';

const GIVEN = process.env['HOLDFAST_TEST_MYSQL_URL'];

/** Whether there is one. */
export const isThere = GIVEN !== undefined || hasPart('mariadb');

/** The server that HOLDFAST_TEST_MYSQL_URL names, as a user who may do everything; else a new one of MariaDB. */
export async function openTestServer(): Promise<MariadbServer> {
  return GIVEN === undefined ? startMariadb() : existingServer(GIVEN);
}

/** A suite that needs a server: one that is given, or MariaDB's programs. */
export function describeWithMysql(title: string, suite: () => void): void {
  if (GIVEN === undefined) describeWithPart('mariadb', title, suite);
  else describe(title, suite);
}
