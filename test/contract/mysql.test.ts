import { afterAll, beforeAll } from 'vitest';
import type { MariadbServer } from '../../tools/mariadb-server.ts';
import { openTestServer } from '../support/mysql-server.ts';
import { MYSQL, openDatabase } from './places/mysql.ts';
import { describeScratchServer } from './scratch-server.contract.ts';
import { describeSource } from './source.contract.ts';
import { describeTarget } from './target.contract.ts';

let server: MariadbServer;
beforeAll(async () => {
  server = await openTestServer();
});
afterAll(() => server?.stop());

describeSource(MYSQL, () => openDatabase(server));
describeTarget(MYSQL, () => openDatabase(server));
describeScratchServer(MYSQL, () => openDatabase(server));
