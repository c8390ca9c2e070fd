import { existingServer, type MariadbServer, startMariadb } from '../../tools/mariadb-server.ts';

/** The server that HOLDFAST_TEST_MYSQL_URL names, as a user who may do everything; else a new one of MariaDB. */
export async function openTestServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<MariadbServer> {
  const url = process.env['HOLDFAST_TEST_MYSQL_URL'];
  return url === undefined ? startMariadb({ settings }) : existingServer(url);
}
