import { afterAll, beforeAll } from 'vitest';
import type { MariadbServer } from '../../tools/mariadb-server.ts';
import { describeWithMysql, openTestServer } from '../support/mysql-server.ts';
import { describeChecks } from './describe-checks.ts';
import { MYSQL, openDatabase } from './places/mysql.ts';
import { scratchServerChecks, sourceChecks, targetChecks } from './suites.ts';

describeWithMysql('contracts', () => {
  let server: MariadbServer;
  beforeAll(async () => {
    server = await openTestServer();
  });
  afterAll(() => server?.stop());

  const open = () => openDatabase(server);
  describeChecks('Source contract: mysql', sourceChecks(MYSQL, open), 'a server');
  describeChecks('Target contract: mysql', targetChecks(MYSQL, open), 'a server');
  describeChecks('ScratchServer contract: mysql', scratchServerChecks(MYSQL, open), 'a server');
});
